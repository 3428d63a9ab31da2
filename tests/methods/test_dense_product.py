"""Products of dense matrices against double precision, by PyTorch's own kernels and by oneDNN's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from graph_distillery.methods import dense_product as module
from graph_distillery.methods.dense_product import product

#: Rows, what a row holds, columns of weights: below and above each size that product looks at.
SHAPES = [(3, 5, 2), (1500, 40, 7), (5000, 30, 60), (9000, 64, 40), (300, 700, 64), (2000, 90, 150), (70000, 128, 1)]

#: oneDNN's where this PyTorch has them, whatever the processor would be given.
KERNELS = {"own": False} | ({"onednn": True} if hasattr(torch.ops.mkldnn, "_linear_pointwise") else {})


@pytest.fixture(params=KERNELS.values(), ids=KERNELS)
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(module, "onednn_is_faster", lambda: request.param)
    monkeypatch.setattr(module, "_LARGE", 1 << 17)
    return bool(request.param)


def drawn(*shape: int, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()


def near(found: Tensor, exact: Tensor, terms: int) -> None:
    """Within what a sum of so many products of normal draws may be off in single precision: each of its partial sums,
    the last of which are about the root of their number, is rounded."""
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.detach().double(), exact.detach(), rtol=0, atol=5e-7 * terms + 5e-6)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("added", ["nothing", "row", "rows"])
def test_product_and_gradients_are_those_of_double_precision(
    kernels: bool, shape: tuple[int, int, int], added: str
) -> None:
    rows, width, out = shape
    x, weight = drawn(rows, width, seed=1), drawn(width, out, seed=2)
    bias = {"nothing": None, "row": drawn(out, seed=3), "rows": drawn(rows, out, seed=3)}[added]
    of = [t for t in (x, weight, bias) if t is not None]
    slope = drawn(rows, out, seed=4).detach()

    exact = x.double() @ weight.double() + (0 if bias is None else bias.double())
    wanted = torch.autograd.grad(exact, of, slope.double())
    found = product(x, weight, bias)
    near(found, exact, width)
    for got, want in zip(torch.autograd.grad(found, of, slope), wanted, strict=True):
        near(got, want.double(), max(shape))
    with torch.no_grad():
        assert torch.equal(product(x, weight, bias), found)
    with torch.inference_mode():
        assert torch.equal(product(x, weight, bias), found)


def test_parts_of_larger_matrices_and_transposed_ones_are_read_as_they_lie(kernels: bool) -> None:
    whole, weight = drawn(900, 2600, seed=5).detach(), drawn(60, 900, seed=6).detach()
    near(product(whole.T[:2500], weight.T), whole.T[:2500].double() @ weight.T.double(), 900)
    near(product(weight[:, :800], whole[100:, ::2]), weight[:, :800].double() @ whole[100:, ::2].double(), 800)


def test_a_gradient_may_be_differentiated_again(kernels: bool) -> None:
    """As data-free methods and penalties on gradients ask: here half the square of the gradient of sum sin(x W)."""
    tensors = [drawn(2000, 80, seed=7), (drawn(80, 40, seed=8) / 9).detach().requires_grad_()]
    doubles = [t.detach().double().requires_grad_() for t in tensors]
    (first,) = torch.autograd.grad(product(*tensors).sin().sum(), tensors[0], create_graph=True)
    (exact,) = torch.autograd.grad((doubles[0] @ doubles[1]).sin().sum(), doubles[0], create_graph=True)
    found = torch.autograd.grad(first.square().sum() / 2, tensors)
    for got, want in zip(found, torch.autograd.grad(exact.square().sum() / 2, doubles), strict=True):
        near(got, want, 2000)


def test_the_same_product_has_the_same_bits(kernels: bool) -> None:
    x, weight = drawn(3000, 70, seed=9), drawn(70, 50, seed=10)

    def bits() -> list[Tensor]:
        made = product(x, weight)
        return [made, *torch.autograd.grad(made.square().sum(), (x, weight))]

    once, again = bits(), bits()
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))


def test_the_kernels_are_those_asked_for(kernels: bool) -> None:
    x, weight = drawn(3000, 70, seed=13), drawn(70, 50, seed=14)
    by_onednn = torch.ops.mkldnn._linear_pointwise(x, weight.T, None, "none", [], "") if kernels else None
    assert torch.equal(product(x, weight), x @ weight if by_onednn is None else by_onednn)


def test_other_dtypes_are_left_to_pytorch(kernels: bool) -> None:
    x, weight = drawn(3000, 70, seed=11, dtype=torch.float64), drawn(70, 50, seed=12, dtype=torch.float64)
    assert torch.equal(product(x, weight), x @ weight)
