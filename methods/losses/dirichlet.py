"""The Dirichlet energy of states on a graph, of rows of length 1, without holding a difference for every arc."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

#: Numbers of one block of differences.
_HELD = 1 << 22


def dirichlet_energy(states: Tensor, arcs: Tensor) -> Tensor:
    """1 / nodes times the sum over arcs (i, j) of |h_i / |h_i| - h_j / |h_j||^2, where norms pass no gradient.

    Zhou et al., ICML 2025 (TINED), section 4.3. A row of zeros stays one. states: [nodes, width]; arcs: [2, arcs]
    int64. A scalar.
    """
    norms = torch.linalg.vector_norm(states.detach(), dim=1, keepdim=True)
    total: Tensor = _SquaredDifferences.apply(states / torch.where(norms > 0, norms, 1.0), arcs)
    return total / max(states.shape[0], 1)


def _blocks(states: Tensor, arcs: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Arcs and the differences of the states at their ends, part by part."""
    for part in arcs.split(max(1, _HELD // max(states.shape[1], 1)), dim=1):
        yield part, states.index_select(0, part[0]) - states.index_select(0, part[1])


class _SquaredDifferences(torch.autograd.Function):
    """The sum over arcs of |h_i - h_j|^2; the backward pass makes the differences again."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, arcs: Tensor) -> Tensor:
        ctx.save_for_backward(states, arcs)
        total = states.new_zeros(())
        for _, differences in _blocks(states, arcs):
            total += differences.square_().sum()
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        states, arcs = ctx.saved_tensors
        slope = torch.zeros_like(states)
        for part, differences in _blocks(states, arcs):
            differences *= 2 * gradients[0]
            slope.index_add_(0, part[0], differences)
            slope.index_add_(0, part[1], differences, alpha=-1)
        return slope, None
