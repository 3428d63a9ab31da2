"""What the columns, types and pairs of a graph must be."""

from __future__ import annotations

import torch

from graph_distillery.bench.data.faults import DataFault
from graph_distillery.methods.contract.columns import TYPE, Columns
from graph_distillery.methods.contract.graph import Graph


def check_columns(graph: Graph) -> None:
    """Raises DataFault unless columns have a row for each node, arc or graph, types a name, and pairs two nodes."""
    names = graph.types
    _check_rows("node", graph.node_columns, graph.num_nodes, names.nodes if names else ())
    _check_rows("edge", graph.edge_columns, graph.num_edges, names.edges if names else ())
    _check_rows("graph", graph.graph_columns, graph.num_graphs, ())
    if graph.pairs is None:
        return
    if graph.pairs.dim() != 2 or graph.pairs.shape[1] != 2:
        raise DataFault("pairs", f"the pairs have shape {list(graph.pairs.shape)}, not [pairs, 2]")
    if graph.pairs.dtype != torch.long:
        raise DataFault("pairs", f"the pairs are {graph.pairs.dtype}, not int64")
    outside = ((graph.pairs < 0) | (graph.pairs >= graph.num_nodes)).any(dim=1).nonzero().flatten()
    if outside.numel():
        which, last = int(outside[0]), graph.num_nodes - 1
        raise DataFault("pairs", f"pair {which:,} is {graph.pairs[which].tolist()}; nodes are 0 to {last:,}")


def check_types(graph: Graph) -> None:
    """Raises DataFault unless nodes and arcs are typed, all types are named, and nodes of the first type come first."""
    names = graph.types
    if names is None or not names.nodes or not names.edges:
        raise DataFault("columns", "types of nodes and of edges must be named: the task is one of typed graphs")
    later = (graph.node_type == 0).nonzero().flatten()
    if not later.numel():
        raise DataFault("columns", f"no node is of the first type, {names.nodes[0]!r}, whose nodes are the items")
    if int(later[-1]) != later.numel() - 1:
        which = int(later[-1])
        raise DataFault("columns", f"node {which:,} is of the first type and does not stand before those of others")


def _check_rows(noun: str, columns: Columns, count: int, types: tuple[str, ...]) -> None:
    for name, column in columns.items():
        if column.shape[:1] != (count,):
            shape = list(column.shape)
            raise DataFault("columns", f"{noun} column {name!r} has shape {shape} for {count:,} {noun}s")
    if not types:
        return
    if TYPE not in columns:
        raise DataFault("columns", f"types of {noun}s are named, and there is no {noun} column {TYPE!r}")
    kinds = columns[TYPE]
    outside = ((kinds < 0) | (kinds >= len(types))).nonzero().flatten()
    if outside.numel():
        which = int(outside[0])
        raise DataFault("columns", f"{noun} {which:,} is of type {int(kinds[which])}; types are 0 to {len(types) - 1}")
