"""What the teacher alone reads: edges and nodes that follow from their numbers, in whatever view of the graph."""

from __future__ import annotations

import torch
from torch import Tensor

from graph_distillery.methods.contract.columns import cut
from graph_distillery.methods.contract.graph import Graph

_BITS = 31


def chances(numbers: Tensor, salt: int) -> Tensor:
    """A number in [0, 1) for each of [count] int64 of at least 0, as if drawn, and always the same under one salt."""
    mask = 2**_BITS - 1
    mixed = (numbers ^ (numbers >> _BITS)) & mask
    for factor in (0x2C1B3C6D, 0x297A2D39, 0x1B56C4E9):
        mixed = ((mixed ^ (mixed >> 15) ^ salt) * factor) & mask
    return (mixed ^ (mixed >> 15)).double() / 2**_BITS


def without_edges_of(graph: Graph, share: float, salt: int, nodes: Tensor | None) -> Graph:
    """The graph less a share of its edges, both arcs of each, and all those of some nodes ([count] int64 ids)."""

    def make() -> Graph:
        ends = graph.node_ids[graph.edge_index]
        low, high = ends.min(dim=0).values, ends.max(dim=0).values
        kept = chances(low * 0x9E3779B1 + high, salt) >= share
        if nodes is not None:
            kept &= ~torch.isin(ends, nodes).any(dim=0)
        return graph.with_edges(graph.edge_index[:, kept], cut(graph.edge_columns, kept))

    count = 0 if nodes is None else nodes.numel()
    fewer = graph.cached(("privileged", share, salt, count), make)
    return fewer.with_features(graph.features)
