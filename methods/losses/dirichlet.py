"""The Dirichlet energy of states on a graph, of rows of length 1, without holding a difference for every arc."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix

#: Numbers of one block of differences.
_HELD = 1 << 22
#: Below this share of all arcs a product with the Laplacian has lost digits that the differences still have.
_LEAST = 1e-3


def laplacian(graph: Graph, dtype: torch.dtype) -> SparseMatrix:
    """[nodes, nodes], L with x' L x = the sum over arcs of (x_i - x_j)^2; kept by the graph."""

    def make() -> SparseMatrix:
        (first, second), nodes = graph.edge_index, torch.arange(graph.num_nodes, device=graph.device)
        ends = torch.cat([first, second])
        degrees = torch.bincount(ends, minlength=graph.num_nodes)
        rows, columns = torch.cat([ends, nodes]), torch.cat([second, first, nodes])
        values = torch.cat([-torch.ones_like(ends), degrees]).to(dtype)
        return SparseMatrix.from_entries(rows, columns, values, (graph.num_nodes, graph.num_nodes))

    return graph.cached(("laplacian", dtype), make)


def dirichlet_energy(states: Tensor, arcs: Tensor, matrix: SparseMatrix | None = None) -> Tensor:
    """1 / nodes times the sum over arcs (i, j) of |h_i / |h_i| - h_j / |h_j||^2, where norms pass no gradient.

    Zhou et al., ICML 2025 (TINED), section 4.3. A row of zeros stays one. states: [nodes, width]; arcs: [2, arcs]
    int64; matrix: their `laplacian`, whose product takes the place of the differences. A scalar.
    """
    norms = torch.linalg.vector_norm(states.detach(), dim=1, keepdim=True)
    rows = states / torch.where(norms > 0, norms, 1.0)
    total: Tensor | None = None
    if matrix is not None:
        total = _QuadraticForm.apply(rows, matrix)
    if total is None or float(total.detach()) < _LEAST * arcs.shape[1]:
        total = _SquaredDifferences.apply(rows, arcs)
    return total / max(states.shape[0], 1)


class _QuadraticForm(torch.autograd.Function):
    """tr(x' L x) of a symmetric L; one product for the value and its gradient, 2 L x."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, matrix: SparseMatrix) -> Tensor:
        product = matrix @ states
        ctx.save_for_backward(product)
        return torch.dot(states.flatten(), product.flatten())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (product,) = ctx.saved_tensors
        return product * (2 * gradients[0]), None


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
