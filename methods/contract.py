"""The contract between a distillation method and the engine that trains it.

A method is a `torch.nn.Module` that owns its student and whatever else it trains (projection heads,
discriminators). Most methods write `loss` alone. The other doors are there for those that need them:

========================================  ======================================================================
what a method may need                    where it stands
========================================  ======================================================================
trainable heads inside a loss             create them in `setup`; they are parameters of the module
teacher logits, hidden states, edges      `batch.teacher.logits`, `.hidden`, `.graph`
state, epoch and step hooks               attributes, `on_epoch_start`, `on_epoch_end`, `step`
transform of the targets                  `setup` may replace `self.teachers`
transform of the student's inputs         `inputs`, called before every forward, in training and at inference
several optimisers, min-max steps         `optimizers` and `step`
several teachers, several students        `self.teachers`; build more students in `setup` by `new_student`, and say
                                          in `predictions` and `judged_by` how they are judged
a warm-up that is no result               `may_be_kept`
no teacher                                `MethodInfo.teacher = "none"`
no training data                          `MethodInfo.training_data = False`; override `batches`; a teacher is its
                                          name and its network alone
long work before the first epoch          `prepare`, one `yield` per piece
the last state instead of the best        `selects_on_validation = False`
the node set a term acts on               `batch.positions("labelled" | "observed" | "unlabelled")`
========================================  ======================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, Literal, TypeVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from graph_distillery.methods.graph import Graph, arcs_among

TaskKind = Literal["node-classification", "node-multilabel", "graph-classification"]
NodeSet = Literal["labelled", "observed", "unlabelled"]


class Hyperparameters(BaseModel):
    """A method's own hyperparameters; the defaults are the published ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
class Task:
    """What is predicted: its kind, how many classes (or labels), and what one item is."""

    kind: TaskKind
    num_classes: int

    @property
    def level(self) -> Literal["node", "graph"]:
        return "graph" if self.kind == "graph-classification" else "node"

    @property
    def multilabel(self) -> bool:
        return self.kind == "node-multilabel"


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


@dataclass(frozen=True)
class OptimiserSettings:
    """How the student is trained; part of the model's search space, not of the method's.

    patience: epochs without a better validation score before training stops; 0 never stops early.
    batch_size: items a step (graphs in graph classification and on many graphs); None takes all at once.
    """

    lr: float = 0.01
    weight_decay: float = 0.0
    epochs: int = 200
    patience: int = 50
    batch_size: int | None = None

    def __post_init__(self) -> None:
        """Raises ValueError, one line, where a value is out of bounds."""
        for name in ("lr", "weight_decay"):
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            if not number or value < 0 or (name == "lr" and value == 0):
                bound = "above 0" if name == "lr" else "of at least 0"
                raise ValueError(f"{name} must be a number {bound}, got {value!r}")
        for name, low in (("epochs", 0), ("patience", 0), ("batch_size", 1)):
            value = getattr(self, name)
            if name == "batch_size" and value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise ValueError(f"{name} must be a whole number of at least {low}, got {value!r}")


@dataclass(frozen=True)
class Context:
    """What the engine hands to a method when it is built.

    new_student: makes a freshly initialised student for a given input width; hyperparameters of the model given by
        name stand over the cell's.
    data: None for a method that must do without training data; then the teachers are `Teacher.without_data`.
    """

    task: Task
    num_features: int
    data: TrainingData | None
    teachers: tuple[Teacher, ...]
    new_student: Callable[..., nn.Module] | None
    settings: OptimiserSettings
    variant: str = "paper"
    device: torch.device = torch.device("cpu")


class BatchSource:
    """Where the batches of an epoch come from; the engine gives one to `Method.batches`."""

    def epoch(self, items: Literal["labelled", "observed"]) -> Iterator[Batch]:
        """One pass over the labelled items, or over all observed ones."""
        raise NotImplementedError


H = TypeVar("H", bound=Hyperparameters)


class Method(nn.Module, Generic[H]):
    """A distillation method on one seed of one cell."""

    #: The pydantic model of the method's own hyperparameters.
    Hyperparameters: ClassVar[type[Hyperparameters]] = Hyperparameters
    #: Whether there is anything to train; label propagation and the majority class have nothing.
    trainable: ClassVar[bool] = True
    #: The items that one epoch passes over. Full-batch graph students always read the whole graph.
    epoch_items: ClassVar[Literal["labelled", "observed"]] = "observed"
    #: Whether mini-batches of a student that reads features alone must carry the edges among their nodes.
    needs_edges: ClassVar[bool] = False
    #: What stands for several predictions: the mean of their scores, or all scores of the one that scores best on
    #: the very items that are judged. `setup` may set it.
    judged_by: Literal["mean", "best"] = "mean"
    #: Whether training stops early and keeps its best state by the validation score. Otherwise it runs all its epochs
    #: and keeps the last state, and the validation items are scored once, when training is over.
    selects_on_validation: ClassVar[bool] = True
    #: Hyperparameters under which a run takes a moment, where the published ones do not; for the conformance suite.
    quick: ClassVar[Mapping[str, Any]] = {}

    hyper: H

    def __init__(self, hyper: H, context: Context) -> None:
        super().__init__()
        self.hyper = hyper
        self.context = context
        self.teachers = context.teachers
        self.student: nn.Module | None = self.new_student() if context.new_student else None
        self.setup()

    def new_student(self, num_features: int | None = None, **hyper: Any) -> nn.Module:
        """A freshly initialised student, reading `num_features` columns (default: the data's own).

        hyper: hyperparameters of the model that stand over the cell's. A variant whose student is built otherwise
        overrides this method and passes them.

        Raises:
            ValueError: the cell has no student.
        """
        if self.context.new_student is None:
            raise ValueError("this cell has no student model")
        return self.context.new_student(num_features or self.context.num_features, **hyper)

    def setup(self) -> None:
        """Build heads, transform the teachers' outputs, precompute. Called once, after the student exists."""

    def prepare(self) -> Iterator[None]:
        """Long work before the first epoch; between its pieces, at every `yield`, the engine looks at the clock."""
        return iter(())

    def inputs(self, graph: Graph) -> Graph:
        """The graph as the student reads it; called before each forward, in training and at inference."""
        return graph

    def forward(self, graph: Graph) -> Output:
        """The student's output on a graph."""
        if self.student is None:
            raise ValueError("a method without a student must override predict")
        output: Output = self.student(self.inputs(graph))
        return output

    def predict(self, graph: Graph) -> Output:
        """What is judged; in evaluation mode, without gradients."""
        return self(graph)

    def predictions(self, graph: Graph) -> Sequence[Output]:
        """Every prediction that is judged, each on its own; `predict` alone, unless several students are trained."""
        return [self.predict(graph)]

    def may_be_kept(self, epoch: int) -> bool:
        """Whether the state after epoch `epoch` may be chosen on validation. Patience counts such epochs alone."""
        return True

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        """The terms of the loss by name, weights included; their sum is minimised. Scalars."""
        raise NotImplementedError(f"{type(self).__name__} defines neither loss nor step")

    def optimizers(self, settings: OptimiserSettings) -> Sequence[torch.optim.Optimizer]:
        """One Adam over all parameters of the method, unless overridden."""
        return [adam(self.parameters(), settings)]

    def batches(self, source: BatchSource) -> Iterator[Batch]:
        """The batches of one epoch. Data-free methods make their own."""
        return source.epoch(self.epoch_items)

    def step(self, batch: Batch, optimizers: Sequence[torch.optim.Optimizer]) -> dict[str, Tensor]:
        """One update on one batch; returns the terms of the loss, detached."""
        terms = self.loss(batch, self(batch.graph))
        optimizers[0].zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()
        optimizers[0].step()
        return {name: term.detach() for name, term in terms.items()}

    def on_epoch_start(self, epoch: int) -> None:
        """Before the first step of epoch `epoch`, counted from 0."""

    def on_epoch_end(self, epoch: int, validation: float) -> None:
        """After an epoch, with its validation score; nan unless `selects_on_validation`."""


def adam(parameters: Any, settings: OptimiserSettings) -> torch.optim.Adam:
    """Adam with L2 regularisation, in the fused form (twice as fast on small models)."""
    return torch.optim.Adam(list(parameters), lr=settings.lr, weight_decay=settings.weight_decay, fused=True)
