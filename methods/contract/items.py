"""What one item of a task is: a node, a graph, or a pair of nodes."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph

Level = Literal["node", "graph", "pair"]


class Items:
    """Nodes of a graph; item i is node i. Where node types are named, the items are the nodes of the first type."""

    level: ClassVar[Level] = "node"
    #: Whether the features of an item's own row are all that a student needs that reads no edges.
    are_rows: ClassVar[bool] = True
    #: Whether a graph says which items it is asked about, so that training and judging ask about different ones.
    are_asked: ClassVar[bool] = False

    def count(self, graph: Graph) -> int:
        return graph.num_targets

    def nodes_of(self, graph: Graph, items: Tensor) -> Tensor:
        """[nodes] int64: the nodes that `items` ([count] int64) are made of."""
        return items

    def graphs_of(self, graph: Graph, items: Tensor) -> Tensor:
        """[graphs] int64, ascending: the graphs that hold `items` ([count] int64)."""
        return graph.graph_of_node[items].unique()

    def of_graphs(self, graph: Graph, graphs: Tensor) -> Tensor:
        """[items] int64: the items of whole graphs ([count] int64), graph after graph."""
        return graph.nodes_of(graphs)

    def within(self, graph: Graph, items: Tensor, part: Graph, places: Tensor) -> tuple[Graph, Tensor]:
        """The same items asked of a part of the graph: what a model reads, and where in its output they stand.

        places: [nodes] int64, where in the part each of `nodes_of(graph, items)` is.
        """
        return part, places

    def chosen(self, graph: Graph, items: Tensor) -> tuple[Graph, Tensor]:
        """The whole graph, asked for these items alone: what a model reads, and where in its output they stand."""
        return graph, items


class GraphItems(Items):
    """Graphs of a union; item g is graph g."""

    level = "graph"
    are_rows = False

    def count(self, graph: Graph) -> int:
        return graph.num_graphs

    def nodes_of(self, graph: Graph, items: Tensor) -> Tensor:
        return graph.nodes_of(items)

    def graphs_of(self, graph: Graph, items: Tensor) -> Tensor:
        return items

    def of_graphs(self, graph: Graph, graphs: Tensor) -> Tensor:
        return graphs

    def within(self, graph: Graph, items: Tensor, part: Graph, places: Tensor) -> tuple[Graph, Tensor]:
        return self.chosen(graph, items)

    def chosen(self, graph: Graph, items: Tensor) -> tuple[Graph, Tensor]:
        return graph.select_graphs(items), torch.arange(items.numel(), device=items.device)


class PairItems(Items):
    """Pairs of nodes; item i is row i of `graph.pairs`."""

    level = "pair"
    are_rows = False
    are_asked = True

    def count(self, graph: Graph) -> int:
        return graph.asked_pairs.shape[0]

    def nodes_of(self, graph: Graph, items: Tensor) -> Tensor:
        """Both ends of the pairs, each node once, ascending."""
        return graph.asked_pairs[items].unique()

    def graphs_of(self, graph: Graph, items: Tensor) -> Tensor:
        return graph.graph_of_node[self.nodes_of(graph, items)].unique()

    def of_graphs(self, graph: Graph, graphs: Tensor) -> Tensor:
        inside = torch.isin(graph.graph_of_node[graph.asked_pairs[:, 0]], graphs)
        return torch.nonzero(inside).flatten()

    def within(self, graph: Graph, items: Tensor, part: Graph, places: Tensor) -> tuple[Graph, Tensor]:
        pairs = graph.asked_pairs[items]
        position = places[torch.searchsorted(pairs.unique(), pairs)]
        return part.with_pairs(position), torch.arange(items.numel(), device=items.device)

    def chosen(self, graph: Graph, items: Tensor) -> tuple[Graph, Tensor]:
        return graph.with_pairs(graph.asked_pairs[items]), torch.arange(items.numel(), device=items.device)


ITEMS: dict[Level, Items] = {kind.level: kind() for kind in (Items, GraphItems, PairItems)}
