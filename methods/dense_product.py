"""Products of dense matrices, each by the kernels that are fastest for its shape on this processor."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from graph_distillery.methods.vectorised import program

#: From so many rows on, and up to so many columns of weights, a gradient in the weights is taken the other way round;
#: of weights that do not narrow from more rows on.
_TALL, _VERY_TALL, _NARROW = 1024, 4096, 128
#: oneDNN multiplies products of so many multiply-adds; a gradient in weights only of so many rows of these.
_LARGE, _LONG = 1 << 20, 32


def product(x: Tensor, weight: Tensor, added: Tensor | None = None) -> Tensor:
    """x W + added, differentiable twice: [rows, in], [in, out] and, where there is one, [out] or [rows, out]."""
    if program() is not None:
        return _plain(x, weight, added)
    fast = x.shape[0] * weight.numel() >= _LARGE and _is_single(x, weight, added) and onednn_is_faster()
    if not torch.is_grad_enabled():
        return _product(x, weight, added, fast)
    tall = x.shape[0] >= (_TALL if weight.shape[1] < weight.shape[0] else _VERY_TALL) and weight.shape[1] <= _NARROW
    if fast or tall:
        found: Tensor = _Product.apply(x, weight, added, fast)
        return found
    return _plain(x, weight, added)


@cache
def onednn_is_faster() -> bool:
    """Whether PyTorch's own products leave this processor's widest instructions unused.

    They are MKL's, which keeps its 512-bit kernels for Intel's processors; oneDNN's run on AMD's too, in half the time.
    PyTorch opens oneDNN for plain tensors of single precision only to its own compiler, by an operator without a public
    name; a release without it multiplies as before.
    """
    if not torch.backends.mkl.is_available() or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    try:
        return "AuthenticAMD" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def _is_single(*tensors: Tensor | None) -> bool:
    return all(t is None or (t.dtype == torch.float32 and t.device.type == "cpu") for t in tensors)


def _plain(x: Tensor, weight: Tensor, added: Tensor | None) -> Tensor:
    return x @ weight if added is None else torch.addmm(added, x, weight)


def _product(x: Tensor, weight: Tensor, added: Tensor | None, fast: bool) -> Tensor:
    if not fast:
        return _plain(x, weight, added)
    row = added if added is not None and added.dim() == 1 else None
    found: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight.T, row, "none", [], "")
    return found if added is None or added is row else found.add_(added)


class _Product(torch.autograd.Function):
    """The gradient in W is taken as (g' x)' and not as x' g: the same numbers in little more than half the time where x
    has many rows and W few columns. A gradient that is itself differentiated is made of PyTorch's own products."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, added: Tensor | None, fast: bool) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.fast, ctx.added = fast, None if added is None else added.dim()
        return _product(x, weight, added, fast)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        (gradient,), (x, weight) = gradients, ctx.saved_tensors
        fast = ctx.fast and gradient.dtype == torch.float32 and not torch.is_grad_enabled()
        of_x = of_weight = of_added = None
        if ctx.needs_input_grad[0]:
            of_x = _product(gradient, weight.T, None, fast)
        if ctx.needs_input_grad[1]:
            of_weight = _product(gradient.T, x, None, fast and weight.shape[0] >= _LONG).T
        if ctx.needs_input_grad[2]:
            of_added = gradient.sum(dim=0) if ctx.added == 1 else gradient
        return of_x, of_weight, of_added, None
