"""The matrices that carry states along arcs, from the arcs and what is known of degrees."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from graph_distillery.methods.contract.sparse import SparseMatrix

PropagationKind = Literal["gcn", "symmetric", "mean", "mean_self", "mean_self_twice", "sum", "sum_self"]

#: How often a node's arc to itself is added, by kind.
LOOPS: dict[str, int] = {
    "gcn": 1,
    "symmetric": 0,
    "mean": 0,
    "mean_self": 1,
    "mean_self_twice": 2,
    "sum": 0,
    "sum_self": 1,
}


def propagation_matrix(arcs: Tensor, num_nodes: int, kind: PropagationKind, dtype: torch.dtype) -> SparseMatrix:
    """[nodes, nodes], what `Graph.propagation` documents, of [2, arcs] without self-loops."""
    source, target = with_loops(arcs, num_nodes, LOOPS[kind])
    if kind in ("gcn", "symmetric"):
        degrees = torch.bincount(arcs[1], minlength=num_nodes)
        return normalised_under_degrees(arcs, degrees, dtype, LOOPS[kind])
    degree = torch.bincount(target, minlength=num_nodes).to(dtype).clamp(min=1)
    if kind in ("mean", "mean_self", "mean_self_twice"):
        weight = degree[target].reciprocal()
    else:
        weight = torch.ones(source.numel(), dtype=dtype, device=arcs.device)
    return SparseMatrix.from_entries(target, source, weight, (num_nodes, num_nodes))


def normalised_under_degrees(arcs: Tensor, in_degrees: Tensor, dtype: torch.dtype, loops: int) -> SparseMatrix:
    """D^-1/2 (A + loops I) D^-1/2 of [2, arcs] under given in-degrees, [nodes] int64 without loops, of a larger graph.

    Arcs out of a node of degree 0 weigh nothing, as in PyG.
    """
    degrees = (in_degrees + loops).to(dtype)
    source, target = with_loops(arcs, in_degrees.numel(), loops)
    product = degrees[source] * degrees[target]
    weight = torch.where(product > 0, product.rsqrt(), 0.0)
    return SparseMatrix.from_entries(target, source, weight, (in_degrees.numel(),) * 2)


def weighted_matrix(arcs: Tensor, weights: Tensor, degrees: Tensor) -> SparseMatrix:
    """D^-1/2 (A + I) D^-1/2 of [2, arcs] with [arcs] weights under given weighted degrees, [nodes], loops included."""
    source, target = with_loops(arcs, degrees.numel(), 1)
    whole = torch.cat([weights, weights.new_ones(degrees.numel())])
    return SparseMatrix.from_entries(
        target, source, whole * (degrees[source] * degrees[target]).rsqrt(), (degrees.numel(),) * 2
    )


def with_loops(arcs: Tensor, num_nodes: int, times: int) -> Tensor:
    """[2, arcs + times · nodes]: every node's arc to itself appended so many times."""
    if times == 0:
        return arcs
    loops = torch.arange(num_nodes, device=arcs.device).repeat(times)
    return torch.cat([arcs, loops.expand(2, -1)], dim=1)


class SymmetricAdjacency:
    """h -> D^-1/2 A D^-1/2 h without self-loops, [nodes, width], by scaling before and after the product with A.

    adjacency: `propagation("sum")` of a graph; degrees: [nodes], its in-degrees.
    """

    def __init__(self, adjacency: SparseMatrix, degrees: Tensor) -> None:
        self.adjacency = adjacency
        self.scale = degrees.to(adjacency.values.dtype).clamp(min=1).rsqrt().unsqueeze(1)

    def __call__(self, state: Tensor) -> Tensor:
        return self.scale * (self.adjacency @ (self.scale * state))
