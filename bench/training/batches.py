"""The batches of an epoch, cut from the training data to fit the student and the task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from graph_distillery.bench.errors import UserError
from graph_distillery.methods.contract import Batch, BatchSource, Teacher, TrainingData


def make_source(
    data: TrainingData, teachers: tuple[Teacher, ...], batch_size: int | None, uses_edges: bool, needs_edges: bool
) -> BatchSource:
    """The source that fits: whole graphs, the whole graph, or rows of features.

    Raises:
        UserError: mini-batches of nodes for a student that reads the edges of one graph.
    """
    if data.graph.num_graphs > 1:
        return GraphBatches(data, teachers, batch_size)
    if not uses_edges:
        return RowBatches(data, teachers, batch_size, needs_edges)
    if batch_size is not None:
        raise UserError("batch_size: a student that reads the edges of one graph is trained on all of it; leave it out")
    return RowBatches(data, teachers, None, needs_edges=True, whole=True)


class RowBatches(BatchSource):
    """Nodes of one graph: all at once, or mini-batches of a student that reads features alone.

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
        device = data.graph.device
        self.everything = torch.arange(data.num_items, device=device)
        self.row_of_label = torch.full((data.num_items,), -1, dtype=torch.long, device=device)
        self.row_of_label[data.labelled] = torch.arange(data.labelled.numel(), device=device)
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
        if items is self.everything:
            return Batch(data.graph, items, data.labelled, data.labels, self.teachers)
        graph = data.graph.induced_subgraph(items) if self.needs_edges else data.graph.rows(items)
        rows = self.row_of_label[items]
        labelled = torch.nonzero(rows >= 0).flatten()
        teachers = tuple(teacher.at(items, items, graph) for teacher in self.teachers)
        return Batch(graph, items, labelled, data.labels[rows[labelled]], teachers)


class GraphBatches(BatchSource):
    """Whole graphs: all at once, or shuffled mini-batches of `batch_size` graphs, the last one smaller."""

    def __init__(self, data: TrainingData, teachers: tuple[Teacher, ...], batch_size: int | None) -> None:
        self.data, self.teachers = data, teachers
        self.batch_size = batch_size or data.graph.num_graphs
        device = data.graph.device
        self.all_graphs = torch.arange(data.graph.num_graphs, device=device)
        self.row_of_label = torch.full((data.num_items,), -1, dtype=torch.long, device=device)
        self.row_of_label[data.labelled] = torch.arange(data.labelled.numel(), device=device)

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
        data = self.data
        graph = data.graph.select_graphs(graphs)
        nodes = data.graph.nodes_of(graphs)
        items = graphs if data.task.level == "graph" else nodes
        rows = self.row_of_label[items]
        labelled = torch.nonzero(rows >= 0).flatten()
        teachers = tuple(teacher.at(items, nodes, graph) for teacher in self.teachers)
        return Batch(graph, items, labelled, data.labels[rows[labelled]], teachers)
