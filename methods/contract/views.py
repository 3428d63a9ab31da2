"""What a method sees of the data, of a teacher and of its student."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from graph_distillery.methods.contract.graph import Graph, arcs_among
from graph_distillery.methods.contract.task import Task

NodeSet = Literal["labelled", "observed", "unlabelled"]


@dataclass(frozen=True)
class Output:
    """What a model returns.

    logits: [items, classes]; an item is a node, or a graph in graph classification.
    hidden: the hidden state of every layer below the output, nearest the input first; [nodes, width] each.
    pooled: [graphs, width], the readout, in graph classification only.
    preactivations: what became each hidden state, before norm and activation; aligned with `hidden`, and empty
        unless the model was told to keep them (`keeps_preactivations = True`).
    edges: the arcs that each hidden layer read, [2, arcs] int64 as in `Graph.edge_index`, aligned with `hidden`;
        empty for a model that reads the graph's own.
    """

    logits: Tensor
    hidden: tuple[Tensor, ...] = ()
    pooled: Tensor | None = None
    preactivations: tuple[Tensor, ...] = ()
    edges: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class TrainingData:
    """All that training may see: the observed graph, and the labels of the labelled items alone.

    graph: the observed graph (in the inductive setting without the hidden nodes and their edges).
    labelled: [labelled] int64, the items whose labels are given.
    labels: [labelled] int64, or [labelled, classes] float for multi-label; aligned with `labelled`.
    """

    graph: Graph
    task: Task
    labelled: Tensor
    labels: Tensor

    @property
    def num_items(self) -> int:
        return self.graph.num_graphs if self.task.level == "graph" else self.graph.num_nodes


@dataclass(frozen=True)
class Teacher:
    """A frozen teacher's view of the observed data.

    logits: [items, classes]; hidden: [nodes, width] per layer, nearest the input first;
    graph: the graph it read; model: the network itself, frozen and in evaluation mode;
    edges: the arcs that each hidden layer read, where those are not the graph's own (see `Output`).
    """

    name: str
    logits: Tensor
    hidden: tuple[Tensor, ...]
    graph: Graph
    model: nn.Module | None = None
    edges: tuple[Tensor, ...] = ()

    def at(self, items: Tensor, nodes: Tensor, graph: Graph) -> Teacher:
        """The same view cut down to a batch."""
        hidden = tuple(state[nodes] for state in self.hidden)
        edges = tuple(arcs_among(arcs, nodes, self.graph.num_nodes) for arcs in self.edges)
        return replace(self, logits=self.logits[items], hidden=hidden, graph=graph, edges=edges)

    def without_data(self) -> Teacher:
        """The network alone, for methods that do without training data: outputs of no item, a graph of no node.

        Nothing of it shares memory with the teacher's view of the data.
        """
        features = torch.empty(0, self.graph.num_features, device=self.graph.device)
        no_edge = torch.empty(2, 0, dtype=torch.long, device=self.graph.device)
        empty = Graph(features, no_edge, torch.zeros(1, dtype=torch.long, device=self.graph.device))
        return replace(self, logits=self.logits.new_empty(0, self.logits.shape[1]), hidden=(), edges=(), graph=empty)


@dataclass(frozen=True)
class Batch:
    """One step's worth of training data.

    graph: what the student reads in this step.
    items: [items] int64, where each item of the batch stands in the training data.
    labelled: [labelled in batch] int64, positions within the batch; labels: their labels, aligned.
    teachers: the teachers' views of this batch, aligned with `items`.
    """

    graph: Graph
    items: Tensor
    labelled: Tensor
    labels: Tensor
    teachers: tuple[Teacher, ...] = ()

    @property
    def teacher(self) -> Teacher:
        """The one teacher.

        Raises:
            ValueError: there is none, or there are several.
        """
        if len(self.teachers) != 1:
            raise ValueError(f"this method asks for one teacher and the cell has {len(self.teachers)}")
        return self.teachers[0]

    def positions(self, node_set: NodeSet) -> Tensor:
        """Positions within the batch of the labelled items, of all, or of those without a label."""
        if node_set == "labelled":
            return self.labelled
        everything = torch.arange(self.items.numel(), device=self.items.device)
        if node_set == "observed":
            return everything
        unlabelled = torch.ones(self.items.numel(), dtype=torch.bool, device=self.items.device)
        unlabelled[self.labelled] = False
        return everything[unlabelled]


class BatchSource:
    """Where the batches of an epoch come from; the engine gives one to `Method.batches`."""

    def epoch(self, items: Literal["labelled", "observed"]) -> Iterator[Batch]:
        """One pass over the labelled items, or over all observed ones."""
        raise NotImplementedError
