"""What a model has to fetch in order to predict a few nodes: their in-neighbourhood, cut out of the graph."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from graph_distillery.methods.contract.columns import WEIGHT, cut, expand
from graph_distillery.methods.contract.graph import Graph, select_rows
from graph_distillery.methods.contract.propagation import (
    LOOPS,
    PropagationKind,
    normalised_under_degrees,
    weighted_matrix,
)
from graph_distillery.methods.contract.sparse import SparseMatrix


@dataclass(frozen=True)
class Part(Graph):
    """A part of a graph; `inside` ([nodes] int64) are its nodes in `whole`."""

    whole: Graph | None = None
    inside: Tensor | None = None


def whole_of(graph: Graph) -> Graph:
    """What a graph is a part of; itself where it is of none."""
    return graph.whole if isinstance(graph, Part) and graph.whole is not None else graph


@dataclass(frozen=True)
class Neighbourhood(Part):
    """Its outermost nodes lack their arcs, so the degrees that GCN's normalisation needs are those of the whole."""

    def propagation(self, kind: PropagationKind, relation: str | int | None = None) -> SparseMatrix:
        """As `Graph.propagation`, the kinds "gcn" and "symmetric" under the degrees of the whole graph."""
        if kind not in ("gcn", "symmetric") or self.whole is None or self.inside is None:
            return super().propagation(kind, relation)
        degrees = self.whole.in_degrees(relation)[self.inside]
        return self.cached(
            ("propagation", kind, relation),
            lambda: normalised_under_degrees(self.arcs_of(relation), degrees, self.dtype, LOOPS[kind]),
        )


def weighted_propagation(graph: Graph) -> SparseMatrix:
    """D^-1/2 (A + I) D^-1/2 with A of the arcs' weights and D its weighted in-degrees with the loops (Kipf and Welling,
    ICLR 2017, equation 2); `propagation("gcn")` where arcs have no weight. Built once; a part has the whole's degrees.
    """
    if WEIGHT not in graph.edge_columns:
        return graph.propagation("gcn")

    def make() -> SparseMatrix:
        degrees = _weighted_degrees(graph)
        if isinstance(graph, Neighbourhood) and graph.whole is not None:
            whole = graph.whole
            degrees = whole.cached("weighted_degrees", lambda: _weighted_degrees(whole))[graph.inside]
        return weighted_matrix(graph.edge_index, graph.edge_columns[WEIGHT].to(graph.dtype), degrees)

    return graph.cached("weighted_propagation", make)


def _weighted_degrees(graph: Graph) -> Tensor:
    """[nodes]: the weights of the arcs into each node, and 1 for its loop."""
    weights = graph.edge_columns[WEIGHT].to(graph.dtype)
    return weights.new_ones(graph.num_nodes).index_add_(0, graph.edge_index[1], weights)


def neighbourhood(graph: Graph, seeds: Tensor, hops: int) -> tuple[Graph, Tensor]:
    """The part of the graph that acts on the seeds within `hops` hops, and where the seeds stand in it.

    seeds: [count] int64 nodes, repeats allowed; hops: `Model.receptive_hops`.

    The part holds the nodes up to `hops` hops upstream and every arc into those within `hops - 1`. So the
    seeds come out as on the whole graph. The outermost nodes do not, for they lack their arcs, and nothing
    reads what becomes of them. The cost follows the arcs fetched, not the size of the graph, once
    `graph.edges_by_target` is known.
    """
    sources, _, pointers = graph.edges_by_target
    nodes = frontier = torch.unique(seeds)
    ends, places = [torch.stack([frontier[:0], frontier[:0]])], [frontier[:0]]
    for _ in range(hops):
        arcs, found = arcs_into(frontier, sources, pointers)
        ends.append(arcs)
        places.append(found)
        reached = torch.unique(arcs[0])
        frontier = reached[~torch.isin(reached, nodes, assume_unique=True)]
        if frontier.numel() == 0:
            break
        nodes = torch.cat([nodes, frontier])
    nodes = torch.sort(nodes).values
    part = Neighbourhood(
        select_rows(graph.features, nodes),
        torch.searchsorted(nodes, torch.cat(ends, dim=1)),
        torch.tensor([0, nodes.numel()], device=graph.device),
        cut(graph.node_columns, nodes),
        cut(graph.edge_columns, graph.order_by_target[torch.cat(places)]) if graph.edge_columns else {},
        graph.graph_columns if graph.num_graphs == 1 else {},
        graph.types,
        _node_ids=graph.ids_of(nodes),
        whole=graph,
        inside=nodes,
    )
    return part, torch.searchsorted(nodes, seeds)


def arcs_into(targets: Tensor, sources: Tensor, pointers: Tensor) -> tuple[Tensor, Tensor]:
    """[2, arcs]: both ends of every arc into the given nodes; [arcs]: its place among the arcs sorted by target."""
    places, among = expand(pointers, targets)
    return torch.stack([sources[places], torch.repeat_interleave(targets, among.diff())]), places
