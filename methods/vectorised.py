"""Networks of several seeds run as one program: what the pieces of a network ask while `torch.func.vmap` runs them.

The engine alone begins such a program (`running`). In it a network's weights, and what it reads where seeds differ,
have one more dimension that the network does not see. Two things vmap cannot do by itself: a sparse product, which is
one product over the columns of all seeds (`product`), and dropout, whose masks are drawn for each seed from its own
generator, so that a seed drops what it would have dropped alone (`mask`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor


class CannotVectorise(RuntimeError):
    """These seeds have to be run one after another; the message says why."""


class Multiplied(Protocol):
    """The sparse matrix of `contract.sparse`."""

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def values(self) -> Tensor: ...

    def matmul(self, dense: Tensor, values: Tensor | None = None) -> Tensor: ...

    def repeated(self, times: int) -> Multiplied: ...


@runtime_checkable
class DiffersBySeed(Protocol):
    """A sparse matrix of which each seed has its own, all of one shape."""

    def times(self, dense: Tensor) -> Tensor:
        """[seeds, columns, width] -> [seeds, rows, width]."""
        ...


#: A seed's place, the shape of a mask, the chance to be dropped, and a tensor of its type and device -> the mask.
Draw = Callable[[int, tuple[int, ...], float, Tensor], Tensor | None]


@dataclass(frozen=True)
class Program:
    """seeds: the places of the seeds, [seeds] int64, of which each run sees its own, a scalar; count: how many."""

    seeds: Tensor
    count: int
    draw: Draw

    def mask(self, shape: tuple[int, ...], p: float, like: Tensor) -> Tensor:
        """Each seed's mask of dropout, of the given shape."""
        found: Tensor = _Mask.apply(self.seeds, shape, p, like, self.draw)
        return found

    def product(self, matrix: Multiplied, dense: Tensor, values: Tensor | None) -> Tensor:
        """`SparseMatrix.matmul` where factor or values may differ by seed."""
        stored = values is None
        found: Tensor = _Product.apply(dense, matrix.values if values is None else values, matrix, stored)
        return found


_running: list[Program] = []


def program() -> Program | None:
    """The one that runs, if any does."""
    return _running[-1] if _running else None


@contextmanager
def running(begun: Program | None) -> Iterator[None]:
    """Within the block pieces of networks belong to this program; None: to none, as outside of any."""
    before = _running[:]
    _running[:] = [] if begun is None else [begun]
    try:
        yield
    finally:
        _running[:] = before


class _Mask(torch.autograd.Function):
    @staticmethod
    def forward(seeds: Tensor, shape: tuple[int, ...], p: float, like: Tensor, draw: Draw) -> Tensor:
        raise CannotVectorise("dropout outside of a program of several seeds")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """A mask takes no gradient."""

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, seeds: Tensor, shape: tuple[int, ...], p: float, like: Tensor, draw: Draw
    ) -> tuple[Tensor, int]:
        with running(None):
            masks = [draw(place, shape, p, like) for place in range(info.batch_size)]
        return torch.stack([mask for mask in masks if mask is not None]), 0


class _Product(torch.autograd.Function):
    """stored: whether the values are the matrix's own."""

    @staticmethod
    def forward(dense: Tensor, values: Tensor, matrix: Multiplied, stored: bool) -> Tensor:
        with running(None):  # nothing here differs by seed, and what it is made of takes no gradient
            return matrix.matmul(dense, None if stored else values)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Its gradient is that of the products that `vmap` makes of it."""

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, dense: Tensor, values: Tensor, matrix: Multiplied, stored: bool
    ) -> tuple[Tensor, int]:
        of_dense, of_values = in_dims[:2]
        seeds, (rows, columns) = int(info.batch_size), matrix.shape
        with running(None):
            if isinstance(matrix, DiffersBySeed):
                own = dense.expand(seeds, *dense.shape) if of_dense is None else dense.movedim(of_dense, 0)
                return matrix.times(own), 0
            if of_values is None:
                wide = dense.movedim(of_dense, 1)
                made = matrix.matmul(wide.reshape(columns, -1), None if stored else values)
                return made.view(rows, *wide.shape[1:]), 1
            own = dense.expand(seeds, *dense.shape) if of_dense is None else dense.movedim(of_dense, 0)
            every = values.movedim(of_values, 0).reshape(-1)
            made = matrix.repeated(seeds).matmul(own.reshape(seeds * columns, -1), every)
            return made.view(seeds, rows, -1), 0
