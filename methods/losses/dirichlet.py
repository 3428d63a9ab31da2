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


def laplacian(graph: Graph, dtype: torch.dtype, chosen: Tensor | None = None) -> SparseMatrix:
    """[nodes, nodes], L with x' L x = the sum over arcs of (x_i - x_j)^2.

    chosen: int64, the arcs that it is of, each at most once; None for all, whose matrix the graph keeps. Its places
    hold that of any choice, so that nothing is sorted again.
    """
    whole, of_arcs, of_nodes = graph.cached(("laplacian", dtype), lambda: _laplacian(graph, dtype))
    if chosen is None:
        return whole
    places, ends = of_arcs[:, chosen].flatten(), graph.edge_index[:, chosen].flatten()
    values = -torch.bincount(places, minlength=whole.nonzeros)
    values[of_nodes] += torch.bincount(ends, minlength=graph.num_nodes)
    return whole.with_values(values.to(dtype))


def _laplacian(graph: Graph, dtype: torch.dtype) -> tuple[SparseMatrix, Tensor, Tensor]:
    """That of all arcs; of each arc the places of its two entries, [2, arcs]; of each node that of the diagonal's."""
    (first, second), nodes = graph.edge_index, torch.arange(graph.num_nodes, device=graph.device)
    ends = torch.cat([first, second])
    degrees = torch.bincount(ends, minlength=graph.num_nodes)
    rows, columns = torch.cat([ends, nodes]), torch.cat([second, first, nodes])
    values = torch.cat([-torch.ones_like(ends), degrees]).to(dtype)
    matrix = SparseMatrix.from_entries(rows, columns, values, (graph.num_nodes, graph.num_nodes))
    entries = matrix.row_of_entry * graph.num_nodes + matrix.columns
    found = torch.searchsorted(entries, rows * graph.num_nodes + columns)
    return matrix, found[: ends.numel()].view(2, -1), found[ends.numel() :]


def dirichlet_energy(states: Tensor, arcs: Tensor, matrix: SparseMatrix | None = None) -> Tensor:
    """1 / nodes times the sum over arcs (i, j) of |h_i / |h_i| - h_j / |h_j||^2, where norms pass no gradient.

    Zhou et al., ICML 2025 (TINED), section 4.3. A row of zeros stays one. states: [nodes, width]; arcs: [2, arcs]
    int64; matrix: their `laplacian`, whose product takes the place of the differences. A scalar.
    """
    norms = torch.linalg.vector_norm(states.detach(), dim=1, keepdim=True)
    norms = torch.where(norms > 0, norms, 1.0)
    total: Tensor | None = None
    if matrix is not None:
        total = _QuadraticForm.apply(states, norms, matrix)
    if total is None or float(total.detach()) < _LEAST * arcs.shape[1]:
        total = _SquaredDifferences.apply(states / norms, arcs)
    return total / max(states.shape[0], 1)


class _QuadraticForm(torch.autograd.Function):
    """tr(x' L x) of a symmetric L and x of the states over their norms; one product for value and gradient, 2 L x."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, norms: Tensor, matrix: SparseMatrix) -> Tensor:
        rows = states / norms
        product = matrix @ rows
        ctx.save_for_backward(product, norms)
        return torch.dot(rows.flatten(), product.flatten())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        product, norms = ctx.saved_tensors
        return product * (2 * gradients[0] / norms), None, None


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
