"""Correlations among the types of a graph: a vector for each type, meta-path or edge type, and their cosines."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix

Pool = Literal["mean", "attention"]


def pooled(state: Tensor, how: Pool) -> Tensor:
    """[nodes, width] -> [width]: the mean, or one weighted by the softmax of each row's cosine to that; 0 of no node.

    Either turns with the states and scales with them.
    """
    if state.shape[0] == 0:
        return state.new_zeros(state.shape[1])
    mean = state.mean(dim=0)
    if how == "mean":
        return mean
    return F.cosine_similarity(state, mean[None], dim=1).softmax(dim=0) @ state


def of_node_types(graph: Graph, state: Tensor, how: Pool) -> Tensor:
    """[nodes, width] -> [types, width]."""
    rows = graph.cached("nodes by type", lambda: _by_type(graph))
    return torch.stack([pooled(state.index_select(0, nodes), how) for nodes in rows])


def of_meta_paths(graph: Graph, state: Tensor, how: Pool) -> Tensor:
    """[nodes, width] -> [types, width]: pooled means of the items' states over their neighbours by each meta-path.

    One path goes there and back through each type of nodes but the items' own, whose path is one arc between items.
    """
    items = graph.num_targets
    paths = []
    for steps in graph.cached("paths by type", lambda: _paths(graph)):
        found = state[:items]
        for step in steps:
            found = step @ found
        paths.append(pooled(found, how))
    return torch.stack(paths)


def of_edge_types(graph: Graph, state: Tensor) -> Tensor:
    """[nodes, width] -> [edge types, width]: the mean product of both ends' states over the arcs; 0 of no arc."""
    means = []
    for relation in range(_names(graph)[1]):
        arcs = graph.arcs_of(relation).shape[1]
        means.append((state * (graph.propagation("sum", relation) @ state)).sum(dim=0) / max(arcs, 1))
    return torch.stack(means)


def correlations(vectors: Tensor) -> Tensor:
    """[types, width] -> [types, types]: cosines, 1 on the diagonal, 0 beside a vector of 0."""
    unit = F.normalize(vectors)
    found = unit @ unit.T
    own = torch.eye(vectors.shape[0], dtype=torch.bool, device=vectors.device)
    return found.masked_fill(own, 1.0)


def correlation_difference(student: Tensor, teacher: Tensor) -> Tensor:
    """|R_t - R_s|_F^2 / types^2 of vectors, [types, width of each]; a scalar, 0 of one type."""
    return (correlations(teacher) - correlations(student)).square().mean()


def _names(graph: Graph) -> tuple[int, int]:
    """How many types of nodes and of edges there are. Raises ValueError where they have no names."""
    if graph.types is None or not graph.types.nodes or not graph.types.edges:
        raise ValueError("the graph has no types of nodes and edges")
    return len(graph.types.nodes), len(graph.types.edges)


def _by_type(graph: Graph) -> list[Tensor]:
    return [(graph.node_type == kind).nonzero().flatten() for kind in range(_names(graph)[0])]


def _paths(graph: Graph) -> list[tuple[SparseMatrix, ...]]:
    items, paths = graph.num_targets, list[tuple[SparseMatrix, ...]]()
    for kind, nodes in enumerate(graph.cached("nodes by type", lambda: _by_type(graph))):
        place = torch.full((graph.num_nodes,), -1, dtype=torch.long, device=graph.device)
        place[nodes] = torch.arange(nodes.numel(), device=graph.device)
        source, target = graph.edge_index
        into, back = (place[target] >= 0) & (source < items), (place[source] >= 0) & (target < items)
        if kind == 0:
            paths.append((_means(source[into], target[into], items, items, graph),))
            continue
        there = _means(source[into], place[target[into]], nodes.numel(), items, graph)
        paths.append((there, _means(place[source[back]], target[back], items, nodes.numel(), graph)))
    return paths


def _means(source: Tensor, target: Tensor, rows: int, columns: int, graph: Graph) -> SparseMatrix:
    """[rows, columns]: the mean over the arcs into each row."""
    counts = torch.bincount(target, minlength=rows).clamp(min=1).to(graph.dtype)
    return SparseMatrix.from_entries(target, source, counts.reciprocal()[target], (rows, columns))
