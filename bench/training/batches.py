"""The batches of an epoch, cut from the training data to fit the student and the task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from graph_distillery.bench.errors import UserError
from graph_distillery.methods.contract import Batch, BatchSource, Graph, Teacher, TrainingData


@dataclass(frozen=True)
class Reads:
    """What student and method read of a batch.

    edges: the student reads those of its graph. all_edges: the method does. graph_columns: nothing but those.
    """

    edges: bool = True
    all_edges: bool = False
    graph_columns: bool = False


def make_source(data: TrainingData, teachers: tuple[Teacher, ...], batch_size: int | None, reads: Reads) -> BatchSource:
    """The source that fits: pairs, whole graphs, the whole graph, or rows of features.

    Raises:
        UserError: mini-batches of nodes for a student that reads the edges of one graph.
    """
    if data.task.items.are_asked:
        return PairBatches(data, teachers, batch_size, rows=not reads.edges and not reads.all_edges)
    if data.graph.num_graphs > 1:
        return GraphBatches(data, teachers, batch_size, reads)
    if not reads.edges:
        return RowBatches(data, teachers, batch_size, reads.all_edges)
    if batch_size is not None:
        raise UserError("batch_size: a student that reads the edges of one graph is trained on all of it; leave it out")
    return RowBatches(data, teachers, None, needs_edges=True, whole=True)


class LabelsByItem:
    """The labels of the training data, looked up by item."""

    def __init__(self, data: TrainingData) -> None:
        device = data.graph.device
        self.labels = data.labels
        self.row = torch.full((data.num_items,), -1, dtype=torch.long, device=device)
        self.row[data.labelled] = torch.arange(data.labelled.numel(), device=device)

    def among(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """Which places of `items` ([count] int64) have a label, [labelled] int64, and those labels."""
        rows = self.row.index_select(0, items)
        labelled = torch.nonzero(rows >= 0).flatten()
        return labelled, self.labels.index_select(0, rows.index_select(0, labelled))


class RowBatches(BatchSource):
    """Nodes of one graph: all at once, or mini-batches of a student that reads features alone.

    Nodes that are no items, of other types, stand in every batch whose edges are needed, after its items, and in none
    other.

    A pass keeps only full mini-batches of a fresh permutation, as GLNN's released code does, and makes one batch
    of everything where there are fewer items than that.
    """

    def __init__(
        self,
        data: TrainingData,
        teachers: tuple[Teacher, ...],
        batch_size: int | None,
        needs_edges: bool,
        whole: bool = False,
    ) -> None:
        self.data, self.teachers, self.batch_size = data, teachers, batch_size
        self.needs_edges, self.whole = needs_edges, whole
        self.everything = torch.arange(data.num_items, device=data.graph.device)
        self.others = torch.arange(data.num_items, data.graph.num_nodes, device=data.graph.device)
        self.labels = LabelsByItem(data)
        self.kept: dict[str, Batch] = {}

    def epoch(self, items: Literal["labelled", "observed"]) -> Iterator[Batch]:
        chosen = self.data.labelled if items == "labelled" and not self.whole else self.everything
        size = self.batch_size
        if size is None or chosen.numel() <= size:
            if items not in self.kept:
                self.kept[items] = self._batch(chosen)
            yield self.kept[items]
            return
        shuffled = chosen[torch.randperm(chosen.numel(), device=chosen.device)]
        for start in range(0, chosen.numel() - size + 1, size):
            yield self._batch(shuffled[start : start + size])

    def _batch(self, items: Tensor) -> Batch:
        data = self.data
        whole = data.graph.num_nodes == data.num_items or self.needs_edges
        if items is self.everything and whole:
            return Batch(data.graph, items, data.labelled, data.labels, self.teachers)
        nodes = torch.cat([items, self.others]) if self.needs_edges else items
        graph = data.graph.induced_subgraph(nodes) if self.needs_edges else data.graph.rows(nodes)
        teachers = tuple(teacher.at(items, nodes, graph) for teacher in self.teachers)
        return Batch(graph, items, *self.labels.among(items), teachers)


class LabelledBatch(BatchSource):
    """The labelled items at once, on the part of the graph that their predictions read.

    field: that part; its predictions are those of the labelled items, in their order.
    """

    def __init__(self, data: TrainingData, teachers: tuple[Teacher, ...], field: Graph) -> None:
        items = data.labelled
        views = tuple(teacher.at(items, items, field) for teacher in teachers)
        places = torch.arange(items.numel(), device=items.device)
        self.batch = Batch(field, items, places, data.labels, views)

    def epoch(self, items: Literal["labelled", "observed"]) -> Iterator[Batch]:
        """Raises ValueError where all observed items are asked for."""
        if items != "labelled":
            raise ValueError("this source has the labelled items alone")
        yield self.batch


class GraphBatches(BatchSource):
    """Whole graphs: all at once, or shuffled mini-batches of `batch_size` graphs, the last one smaller.

    A batch holds what is read of it: no edges for a student that reads features alone, and no nodes either where it
    reads the columns of graphs.
    """

    def __init__(self, data: TrainingData, teachers: tuple[Teacher, ...], batch_size: int | None, reads: Reads) -> None:
        self.data, self.teachers, self.reads = data, teachers, reads
        self.batch_size = batch_size or data.graph.num_graphs
        self.all_graphs = torch.arange(data.graph.num_graphs, device=data.graph.device)
        self.labels = LabelsByItem(data)

    def epoch(self, items: Literal["labelled", "observed"]) -> Iterator[Batch]:
        data = self.data
        count = self.all_graphs.numel()
        if self.batch_size >= count:
            items_of_all = torch.arange(data.num_items, device=data.graph.device)
            yield Batch(data.graph, items_of_all, data.labelled, data.labels, self.teachers)
            return
        shuffled = self.all_graphs[torch.randperm(count, device=self.all_graphs.device)]
        for start in range(0, count, self.batch_size):
            yield self._batch(shuffled[start : start + self.batch_size])

    def _batch(self, graphs: Tensor) -> Batch:
        whole = self.data.graph
        items = self.data.task.items.of_graphs(whole, graphs)
        graph, nodes = self._cut(graphs)
        teachers = tuple(teacher.at(items, nodes, graph) for teacher in self.teachers)
        return Batch(graph, items, *self.labels.among(items), teachers)

    def _cut(self, graphs: Tensor) -> tuple[Graph, Tensor]:
        """The graphs as they are read, and the nodes that are left of them."""
        whole, reads = self.data.graph, self.reads
        if reads.graph_columns and not reads.all_edges:
            return whole.columns_of_graphs(graphs), graphs[:0]
        return whole.select_graphs(graphs, edges=reads.edges or reads.all_edges), whole.nodes_of(graphs)


def draw_apart(graph: Graph, count: int) -> Tensor:
    """[count, 2]: pairs of different nodes that no arc of the graph joins, drawn alike and with replacement.

    Draws from torch's global generator.

    Raises:
        ValueError: arcs join all nodes, or nearly so.
    """
    nodes = graph.num_nodes
    arcs = graph.cached("arcs by number", lambda: _numbers(graph.edge_index.T, nodes).sort().values)
    if 2 * (nodes * (nodes - 1) - arcs.numel()) < nodes:
        raise ValueError("there are hardly any two nodes without an edge between them")
    found = torch.empty(0, 2, dtype=torch.long, device=graph.device)
    while found.shape[0] < count:
        drawn = torch.randint(nodes, (count, 2), device=graph.device)
        either = [_numbers(each, nodes) for each in (drawn, drawn.flip(1))]
        joined = torch.stack([_among(each, arcs) for each in either]).any(dim=0)
        found = torch.cat([found, drawn[~joined & (drawn[:, 0] != drawn[:, 1])]])
    return found[:count]


def _numbers(pairs: Tensor, nodes: int) -> Tensor:
    return pairs[:, 0] * nodes + pairs[:, 1]


def _among(numbers: Tensor, ordered: Tensor) -> Tensor:
    if not ordered.numel():
        return torch.zeros_like(numbers, dtype=torch.bool)
    place = torch.searchsorted(ordered, numbers).clamp(max=ordered.numel() - 1)
    return ordered[place] == numbers


class PairBatches(BatchSource):
    """Pairs of nodes: all at once, or shuffled mini-batches of `batch_size` pairs, the last one smaller.

    rows: a mini-batch holds the nodes of its pairs and no edge; otherwise all of the graph. Where the data say so
    (`redraws`), the pairs of label 0 are others in every epoch, each in the place of one.
    """

    def __init__(self, data: TrainingData, teachers: tuple[Teacher, ...], batch_size: int | None, rows: bool) -> None:
        self.data, self.teachers, self.rows = data, teachers, rows
        self.everything = torch.arange(data.num_items, device=data.graph.device)
        self.batch_size = batch_size or max(data.num_items, 1)
        self.labels = LabelsByItem(data)
        self.apart = data.labelled[data.labels == 0] if data.redraws else data.labelled[:0]

    def epoch(self, items: Literal["labelled", "observed"]) -> Iterator[Batch]:
        data, chosen = self.data, self.data.labelled if items == "labelled" else self.everything
        whole, teachers = data.graph, self.teachers
        if self.apart.numel():
            pairs = whole.asked_pairs.clone()
            pairs[self.apart] = draw_apart(whole, self.apart.numel())
            whole = whole.with_pairs(pairs)
            teachers = tuple(teacher.asked(whole) for teacher in teachers)
        if chosen.numel() == data.num_items and self.batch_size >= chosen.numel():
            yield Batch(whole, self.everything, data.labelled, data.labels, teachers)
            return
        shuffled = chosen[torch.randperm(chosen.numel(), device=chosen.device)]
        for part in shuffled.split(self.batch_size):
            yield self._batch(part, whole, teachers)

    def _batch(self, items: Tensor, whole: Graph, taught: tuple[Teacher, ...]) -> Batch:
        kind = self.data.task.items
        if self.rows:
            nodes = kind.nodes_of(whole, items)
            graph, _ = kind.within(whole, items, whole.rows(nodes), torch.arange(nodes.numel(), device=nodes.device))
        else:
            nodes = torch.arange(whole.num_nodes, device=whole.device)
            graph, _ = kind.chosen(whole, items)
        teachers = tuple(teacher.at(items, nodes, graph) for teacher in taught)
        return Batch(graph, items, *self.labels.among(items), teachers)
