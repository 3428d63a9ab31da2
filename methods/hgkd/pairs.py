"""Pairs of items that have a neighbour in common, or are joined, drawn by the neighbour's type."""

from __future__ import annotations

import torch
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph


def draw_pairs(graph: Graph, count: int) -> list[tuple[Tensor, Tensor]]:
    """For each type of nodes with arcs into items, both ends of up to `count` pairs of different items, [pairs] int64.

    An arc from a node of the type into an item is drawn, and another arc into an item out of the same node; where that
    is an item itself, it and the arc's target are the pair. Draws that end in one item twice are left out. Draws from
    torch's global generator.
    """
    pairs = []
    for source, target, pointers in graph.cached("arcs into items", lambda: _arcs_into_items(graph)):
        arcs = torch.randint(source.numel(), (count,), device=graph.device)
        one = target[arcs]
        first, last = pointers[source[arcs]], pointers[source[arcs] + 1]
        drawn = torch.rand(count, device=graph.device, dtype=torch.float64)
        other = target[first + (drawn * (last - first)).long()]
        other = torch.where(source[arcs] < graph.num_targets, source[arcs], other)
        apart = one != other
        pairs.append((one[apart], other[apart]))
    return pairs


def _arcs_into_items(graph: Graph) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Sources and targets of the arcs into items, [arcs] each by source, and the sources' pointers, by their type."""
    found = []
    arcs = graph.edge_index[:, graph.edge_index[1] < graph.num_targets]
    arcs = arcs[:, torch.argsort(arcs[0], stable=True)]
    kinds = graph.node_type.index_select(0, arcs[0])
    for kind in kinds.unique().tolist():
        source, target = arcs[:, kinds == kind]
        pointers = torch.zeros(graph.num_nodes + 1, dtype=torch.long, device=graph.device)
        torch.cumsum(torch.bincount(source, minlength=graph.num_nodes), 0, out=pointers[1:])
        found.append((source, target, pointers))
    return found
