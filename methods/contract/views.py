"""What a method sees of the data, of a teacher and of its student."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, overload, runtime_checkable

import torch
from torch import Tensor, nn

from graph_distillery.methods.contract.graph import Graph, arcs_among
from graph_distillery.methods.contract.sparse import lasting
from graph_distillery.methods.contract.taps import from_output, taps
from graph_distillery.methods.contract.task import Task
from graph_distillery.near_names import hint

NodeSet = Literal["labelled", "observed", "unlabelled"]


@dataclass(frozen=True)
class Output:
    """What a model returns.

    logits: [items, classes]; an item is a node, a graph or a pair of nodes, as the task has it.
    hidden: the hidden state of every layer below the output, nearest the input first; [nodes, width] each.
    pooled: [graphs, width], the readout, in graph classification only.
    edges: the arcs that each hidden layer read, [2, arcs] int64 as in `Graph.edge_index`, aligned with `hidden`;
        empty for a model that reads the graph's own.
    states: whatever else was asked for by name (`Method.student_states`).
    """

    logits: Tensor
    hidden: tuple[Tensor, ...] = ()
    pooled: Tensor | None = None
    edges: tuple[Tensor, ...] = ()
    states: Mapping[str, Tensor] = field(default_factory=dict)

    def state(self, name: str) -> Tensor:
        """A tensor by name, as `contract.taps` has them.

        Raises:
            ValueError: it is neither part of every output nor was it asked for.
        """
        found = from_output(self, name)
        if found is None:
            found = self.states.get(name)
        if found is None:
            raise ValueError(f"the student's {name!r} was not asked for; {hint(name, self.states)}")
        return found


@dataclass(frozen=True)
class TrainingData:
    """All that training may see: the observed graph, and the labels of the labelled items alone.

    graph: the observed graph (in the inductive setting without the hidden nodes and their edges).
    labelled: [labelled] int64, the items whose labels are given.
    labels: [labelled, ...], as the task has them; aligned with `labelled`.
    redraws: whether items that are pairs of label 0 are others in every epoch, drawn from those that no edge joins.
    """

    graph: Graph
    task: Task
    labelled: Tensor
    labels: Tensor
    redraws: bool = False

    @property
    def num_items(self) -> int:
        return self.task.items.count(self.graph)


@dataclass(frozen=True)
class Teacher:
    """A frozen teacher's view of the observed data.

    logits: [items, classes]; hidden: [nodes, width] per layer, nearest the input first;
    graph: the graph it read; model: the network itself, frozen and in evaluation mode;
    edges: the arcs that each hidden layer read, where those are not the graph's own (see `Output`);
    whole: what the method that made it hands on besides (`Method.handed_on`), which no batch is cut from.

    Whatever else the network makes on the way is had by name (`state`), and nothing is set on the network for it.
    """

    name: str
    logits: Tensor
    hidden: Sequence[Tensor]
    graph: Graph
    model: nn.Module | None = None
    edges: tuple[Tensor, ...] = ()
    whole: Mapping[str, Tensor] = field(default_factory=dict)
    _kept: dict[str, Tensor] = field(default_factory=dict, init=False, compare=False, repr=False)
    _cut: _Cut | None = field(default=None, init=False, compare=False, repr=False)

    def state(self, name: str) -> Tensor:
        """A tensor by name, as `contract.taps` has them, of what this view shows: rows of its nodes or its items.

        What was not kept with the teacher is read in one forward pass over the whole graph, once for all its batches
        and for every method that shares the teacher.

        Raises:
            ValueError: it has no such state, or comes without its network, or the state is cut to a batch and has
                neither a row a node nor a row an item.
        """
        found = from_output(self, name) if name != "pooled" else None
        if found is not None:
            return found
        if name not in self._kept:
            self._kept[name] = self._read(name) if self._cut is None else self._cut.of(name)
        return self._kept[name]

    def _read(self, name: str) -> Tensor:
        if self.model is None:
            raise ValueError(f"teacher {self.name!r} comes without its network, so that {name!r} cannot be read")
        with lasting(), torch.no_grad(), taps(self.model, [name]) as taken:
            self.model(self.graph)
        return taken[name]

    def at(self, items: Tensor, nodes: Tensor, graph: Graph) -> Teacher:
        """The same view cut down to a batch."""
        edges = tuple(arcs_among(arcs, nodes, self.graph.num_nodes) for arcs in self.edges)
        logits, hidden = self.logits.index_select(0, items), _CutStates(self.hidden, nodes)
        view = replace(self, logits=logits, hidden=hidden, graph=graph, edges=edges)
        object.__setattr__(view, "_cut", _Cut(self, items, nodes))
        return view

    def asked(self, graph: Graph) -> Teacher:
        """The same teacher asked about the pairs of `graph`, which has the nodes and edges of its own.

        Raises:
            ValueError: it comes without its network.
        """
        if self.model is None:
            raise ValueError(f"teacher {self.name!r} comes without its network, so that no other pairs can be asked of")
        with torch.no_grad():
            output: Output = self.model(self.graph.with_pairs(graph.asked_pairs))
        return replace(self, logits=output.logits, graph=graph)

    def without_data(self) -> Teacher:
        """The network alone, for methods that do without training data: outputs of no item, a graph of no node.

        Nothing of it shares memory with the teacher's view of the data.
        """
        features = torch.empty(0, self.graph.num_features, device=self.graph.device)
        no_edge = torch.empty(2, 0, dtype=torch.long, device=self.graph.device)
        empty = Graph(features, no_edge, torch.zeros(1, dtype=torch.long, device=self.graph.device))
        return replace(
            self, logits=self.logits.new_empty(0, self.logits.shape[1]), hidden=(), edges=(), graph=empty, whole={}
        )


class _CutStates(Sequence[Tensor]):
    """The rows of `nodes` of every state, each cut when it is first asked for: most methods read none of them."""

    def __init__(self, states: Sequence[Tensor], nodes: Tensor) -> None:
        self._states, self._nodes = states, nodes
        self._rows: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self._states)

    @overload
    def __getitem__(self, index: int) -> Tensor: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Tensor]: ...

    def __getitem__(self, index: int | slice) -> Tensor | Sequence[Tensor]:
        places = range(len(self))[index]
        if isinstance(places, range):
            return tuple(self[place] for place in places)
        if places not in self._rows:
            with lasting():
                self._rows[places] = self._states[places].index_select(0, self._nodes)
        return self._rows[places]


@dataclass(frozen=True)
class _Cut:
    """Where a teacher's view of a batch was cut from."""

    whole: Teacher
    items: Tensor
    nodes: Tensor

    def of(self, name: str) -> Tensor:
        state, whole = self.whole.state(name), self.whole
        if state.shape[0] == whole.graph.num_nodes:
            return state.index_select(0, self.nodes)
        if state.shape[0] == whole.logits.shape[0]:
            return state.index_select(0, self.items)
        raise ValueError(f"{name} of teacher {whole.name!r} has {state.shape[0]} rows, which no batch can be cut from")


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


@runtime_checkable
class Grouped(Protocol):
    """A network that knows what it has in common with others."""

    def outputs_beside(self, others: Sequence[nn.Module], graph: Graph) -> list[Output]:
        """Its output and theirs, in this order, as each by itself gives it."""
        ...


def outputs_of(networks: Sequence[nn.Module], graph: Graph) -> list[Output]:
    """Each network's output, in their order; of one kind they share what work they can. Hooks on them may not run."""
    first, *others = networks
    if isinstance(first, Grouped):
        return first.outputs_beside(others, graph)
    return [network(graph) for network in networks]
