"""Features moved within a box to where a loss is greatest, by projected ascent along signs of its gradient.

For a student whose first layer is linear in a node's features and reads nothing else: what is moved by delta then
changes the first pre-activation by delta W, so that a step of the ascent is two products with W, and the rest of the
student works on hidden states alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.contract.taps import replaced, taps
from graph_distillery.methods.contract.views import Output
from graph_distillery.methods.dense_product import product

#: A step is this share of the box's half width.
STEP = 0.25
#: What the first layer makes of the features, before norm and activation.
FIRST = "preactivation.0"
#: Half the width of the box in the units that delta is counted in.
_UNITS = 256
#: Rows of one block of what is done number by number, so that the block stays in the cache.
_ROWS = 128


class FeaturePerturbation:
    """delta in [-radius, radius] for every feature of every node, from a uniform start, `steps` times
    clip(delta + radius / 4 sign of the loss's gradient) (Madry et al., ICLR 2018, equation 2, with these constants).

    The student stays in training mode: every pass has a dropout of its own. Delta is a whole multiple of radius / 256
    throughout, from a start of as many values, which the 16-bit floats hold exactly in which the ascent multiplies
    where the processor does so by itself and the student is in float32; what they round is W and the gradient whose
    sign is taken. Where a node has no gradient at all it is not moved.
    """

    def __init__(self, student: nn.Module, radius: float, steps: int) -> None:
        self.student, self.radius, self.steps = student, radius, steps
        self._each: SparseMatrix | None = None
        self._nothing: Graph | None = None
        self._units: Tensor | None = None
        self._draws = torch.empty(0, dtype=torch.int64)
        self._scratch = torch.empty(0)

    def weights(self, width: int, like: Tensor) -> Tensor:
        """W, [width, hidden], with its gradient: what the first layer makes of each feature alone, less its bias."""
        if self._each is None or self._each.shape[1] != width or self._each.values.dtype != like.dtype:
            self._each = _one_feature_each(width, like)
        training = self.student.training
        self.student.eval()
        with taps(self.student, [FIRST]) as taken:
            self.student(_bare(self._each))
        self.student.train(training)
        return taken[FIRST][:-1] - taken[FIRST][-1:]

    def logits(self, clean: Tensor, width: int, loss: Callable[[Tensor], Tensor]) -> Tensor:
        """[nodes, classes], the student's on moved features, with gradient in its weights and none through delta.

        clean: [nodes, hidden], its first pre-activation on the features as they are; width: of the features; loss:
        what is made greatest, a scalar of logits.
        """
        if self.radius == 0:
            return self._onwards(clean, width)
        weights = self.weights(width, clean)
        units = self._moved(clean.detach(), weights.detach(), loss)
        moved: Tensor = _Product.apply(weights, units)
        return self._onwards(torch.add(clean, moved, alpha=self.radius / _UNITS), width)

    def delta(self, clean: Tensor, width: int, loss: Callable[[Tensor], Tensor]) -> Tensor:
        """[nodes, width], in the dtype of `clean`; arguments as in `logits`."""
        units = self._moved(clean.detach(), self.weights(width, clean).detach(), loss)
        return units.to(clean.dtype) * (self.radius / _UNITS)

    def _moved(self, clean: Tensor, weights: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
        """[nodes, width] whole numbers, delta in units; in memory that the next call writes over."""
        work, whole = _working_dtypes(clean)
        units = self._start(clean.shape[0], weights.shape[0], whole, clean.device)
        by, floats = weights.to(work), self._floats(units, work)
        for part, numbers in zip(units.split(_ROWS), floats.split(_ROWS), strict=True):
            numbers.copy_(part)
        for _ in range(self.steps):
            change = (floats @ by).to(clean.dtype)
            state = torch.add(clean, change, alpha=self.radius / _UNITS).requires_grad_()
            with torch.enable_grad():
                slope = torch.autograd.grad(loss(self._onwards(state, weights.shape[0])), state)[0]
            torch.mm(slope.to(work), by.T, out=floats)
            step = (slope.abs().amax(1, keepdim=True) > 0).to(whole) * int(_UNITS * STEP)
            _step(units, floats, step if not bool(step.all()) else None)
        return units

    def _floats(self, units: Tensor, work: torch.dtype) -> Tensor:
        """Memory of the shape of `units`, claimed once as theirs is."""
        if self._scratch.shape != units.shape or self._scratch.dtype != work:
            self._scratch = torch.empty_like(units, dtype=work)
        return self._scratch

    def _start(self, rows: int, width: int, whole: torch.dtype, device: torch.device) -> Tensor:
        """`_start_of`, in memory claimed once: fresh pages cost more than all that is written into them."""
        if self._units is None or self._units.shape != (rows, width) or self._units.dtype != whole:
            self._units = torch.empty(rows, width, dtype=whole, device=device)
            self._draws = torch.empty((rows * width + 7) // 8, dtype=torch.int64, device=device)
        return _start_of(rows, width, whole, device, self._units, self._draws)

    def _onwards(self, state: Tensor, width: int) -> Tensor:
        """The logits from the first pre-activation on; what the first layer reads is never looked at."""
        if self._nothing is None or self._nothing.num_features != width:
            self._nothing = no_rows(width, state)
        return onwards(self.student, state, self._nothing).logits


def no_rows(width: int, like: Tensor) -> Graph:
    """A graph of no node, whose features would have the width."""
    pointers = torch.zeros(1, dtype=torch.long, device=like.device)
    return _bare(SparseMatrix(pointers, pointers[:0], like.new_empty(0), (0, width)))


def onwards(student: nn.Module, first: Tensor, nothing: Graph) -> Output:
    """A student's output from its first pre-activation on, [nodes, hidden]; nothing: of `no_rows`, for it to read."""
    with replaced(student, FIRST, first):
        output: Output = student(nothing)
    return output


def _one_feature_each(width: int, like: Tensor) -> SparseMatrix:
    """[width + 1, width]: the identity, and a row of zeros."""
    count = torch.arange(width + 1, device=like.device)
    pointers = torch.cat([count, count[-1:]])
    return SparseMatrix(pointers, count[:-1], like.new_ones(width), (width + 1, width))


def _bare(features: SparseMatrix) -> Graph:
    return Graph.build(features, torch.empty(2, 0, dtype=torch.long, device=features.device))


def _working_dtypes(state: Tensor) -> tuple[torch.dtype, torch.dtype]:
    """The floats that products are taken in, and whole numbers of their size."""
    if state.dtype == torch.float64:
        return torch.float64, torch.int64
    if state.device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return torch.bfloat16, torch.int16
    return torch.float32, torch.int32


def _start_of(
    rows: int,
    width: int,
    whole: torch.dtype,
    device: torch.device,
    units: Tensor | None = None,
    draws: Tensor | None = None,
) -> Tensor:
    """[rows, width], one of 256 whole numbers each, evenly spaced and none of them 0, between -_UNITS and _UNITS.

    units, draws: memory to write to, the latter of an eighth of as many int64.
    """
    count = rows * width
    units = torch.empty(rows, width, dtype=whole, device=device) if units is None else units
    draws = torch.empty((count + 7) // 8, dtype=torch.int64, device=device) if draws is None else draws
    draws.random_(-(2**63), None)
    return units.copy_(draws.view(torch.int8)[:count].view(rows, width)).mul_(2).add_(1)


def _step(units: Tensor, uphill: Tensor, sizes: Tensor | None) -> None:
    """units <- clip(units + size sign(uphill)), in place; uphill, of as many bits, then holds the same numbers.

    sizes: [nodes, 1], how far each node moves; None: all as far.
    """
    size = int(_UNITS * STEP)
    blocks = zip(units.split(_ROWS), uphill.split(_ROWS), strict=True)
    for number, (part, numbers) in enumerate(blocks):
        sign = numbers.view(units.dtype).clamp_(-1, 0).bitwise_or_(1)  # the sign bit is that of the whole number, too
        if sizes is None:
            part.add_(sign, alpha=size)
        else:
            part.add_(sign.mul_(sizes[number * _ROWS : (number + 1) * _ROWS]))
        numbers.copy_(part.clamp_(-_UNITS, _UNITS))


class _Product(torch.autograd.Function):
    """units @ W of whole numbers [nodes, width], some rows at a time, with its gradient in W."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, units: Tensor) -> Tensor:
        ctx.units = units
        found, floats = weights.new_empty(units.shape[0], weights.shape[1]), weights.new_empty(units[:_ROWS].shape)
        for part, out in zip(units.split(_ROWS), found.split(_ROWS), strict=True):
            out.copy_(product(floats[: part.shape[0]].copy_(part), weights))
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        found, floats = (
            gradient.new_zeros(gradient.shape[1], ctx.units.shape[1]),
            gradient.new_empty(ctx.units[:_ROWS].shape),
        )
        for part, rows in zip(ctx.units.split(_ROWS), gradient.split(_ROWS), strict=True):
            found += product(rows.T, floats[: part.shape[0]].copy_(part))
        return found.T, None
