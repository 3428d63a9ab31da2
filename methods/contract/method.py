"""The class that every method derives from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Generic, Literal, TypeVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.optimiser import OptimiserSettings, adam
from graph_distillery.methods.contract.serving import Serving
from graph_distillery.methods.contract.taps import taps
from graph_distillery.methods.contract.task import Task
from graph_distillery.methods.contract.views import Batch, BatchSource, Output, Teacher, TrainingData


class Hyperparameters(BaseModel):
    """A method's own hyperparameters; the defaults are the published ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Context:
    """What the engine hands to a method when it is built.

    new_student: makes a freshly initialised student for a given input width; hyperparameters of the model given by
        name stand over the cell's.
    data: None for a method that must do without training data; then the teachers are `Teacher.without_data`.
    validation: the validation items, [count] int64 of the observed graph, and their labels, that a method may learn
        from; None unless `MethodInfo.trains_on_validation`, and then not those that choose the epoch.
    artefacts: the tensors of those that `MethodInfo.artefacts` names, of the observed graph; those with a row for each
        node are node columns of every graph besides. None for a method without training data.
    """

    task: Task
    num_features: int
    data: TrainingData | None
    teachers: tuple[Teacher, ...]
    new_student: Callable[..., nn.Module] | None
    settings: OptimiserSettings
    variant: str = "paper"
    device: torch.device = torch.device("cpu")
    artefacts: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    validation: tuple[Tensor, Tensor] | None = None


class Update:
    """What the engine hands to a step: the one way to move weights.

    A method says what is to be minimised and by which of its optimisers; gradients, their clipping, the optimiser's
    step and the precision are the engine's, so that it may run many seeds in one program.
    """

    def __call__(self, terms: Mapping[str, Tensor], optimizer: int = 0) -> dict[str, Tensor]:
        """Move what an optimiser holds one step down the gradient of the sum of the terms.

        terms: scalars by name, weights included, at least one. optimizer: its place in `Method.optimizers`.
        Returns the terms, detached; the graph behind them is gone.
        """
        raise NotImplementedError

    def forget(self, optimizer: int = 0) -> None:
        """Take an optimiser's memory (moments, step counts) back to its start."""
        raise NotImplementedError


H = TypeVar("H", bound=Hyperparameters)


class Method(nn.Module, Generic[H]):
    """A distillation method on one seed of one cell."""

    #: The pydantic model of the method's own hyperparameters.
    Hyperparameters: ClassVar[type[Hyperparameters]] = Hyperparameters
    #: Whether there is anything to train; label propagation and the majority class have nothing.
    trainable: ClassVar[bool] = True
    #: The items that one epoch passes over. Full-batch graph students always read the whole graph. `setup` may set it:
    #: a method whose own term is switched off reads what the student alone would.
    epoch_items: Literal["labelled", "observed"] = "observed"
    #: Whether the method itself reads edges: then mini-batches of a student that reads features alone carry those among
    #: their nodes, and one of a few labelled nodes is of the whole graph. `setup` may set it.
    needs_edges: bool = False
    #: Whether a prediction that the method makes in its own way (`predict`, `forward` or `inputs` overridden) is made,
    #: item by item, of what the models among `inference_modules` return for it and of the item's own columns, so that
    #: a request fetches what those models read and no more: of an MLP, its own row. `setup` may set it.
    predicts_by_item: bool = False
    #: Whether each of several `predictions` is what a network of the student's own shape returns for the graph as it
    #: is, so that of an item they read what the student's would.
    predictions_are_alike: ClassVar[bool] = False
    #: Whether it reads the columns of graphs alone (`graph.as_rows`), so that batches of graphs need no nodes.
    reads_graph_columns: bool = False
    #: What stands for several predictions: the mean of their scores, or all scores of the one that scores best on
    #: the very items that are judged. `setup` may set it.
    judged_by: Literal["mean", "best"] = "mean"
    #: Whether training stops early and keeps its best state by the validation score. Otherwise it runs all its epochs
    #: and keeps the last state, and the validation items are scored once, when training is over.
    selects_on_validation: ClassVar[bool] = True
    #: Which of several epochs with the best validation score is kept, as the code behind the variant has it (`>=` or
    #: `>`). `setup` may set it.
    best_epoch: Literal["first", "last"] = "last"
    #: States of the student, by name as `contract.taps` has them, that every `Output` of it is to hold while it trains
    #: (`Output.state`). `setup` may set it.
    student_states: tuple[str, ...] = ()
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

    @property
    def task(self) -> Task:
        """What is predicted: its losses, its items, its scores."""
        return self.context.task

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
        if not (self.student_states and self.training):
            output: Output = self.student(self.inputs(graph))
            return output
        with taps(self.student, self.student_states) as taken:
            output = self.student(self.inputs(graph))
        return replace(output, states=taken)

    def predict(self, graph: Graph) -> Output:
        """What is judged; in evaluation mode, without gradients."""
        return self(graph)

    @classmethod
    def inherits(cls, *names: str) -> bool:
        """Whether the class has all of these as `Method` has them."""
        return all(getattr(cls, name) is getattr(Method, name) for name in names)

    @property
    def predicts_plainly(self) -> bool:
        """Whether its prediction is what its student returns for the graph as it is."""
        return self.inherits("predict", "forward", "inputs")

    def inference_modules(self) -> Sequence[nn.Module]:
        """The networks whose forward passes make a prediction, all of which its cost counts: the student, unless more
        are trained together (an ensemble). See also `predicts_by_item`."""
        return [] if self.student is None else [self.student]

    def serving(self) -> Serving:
        """What the student's network reads to predict by itself. A method whose student reads a column overrides it;
        one whose prediction is more than its student's output need not: the engine compares the two before it saves a
        student, and saves none that would predict otherwise.
        """
        return Serving()

    def handed_on(self) -> Mapping[str, Tensor]:
        """Tensors by name that a teacher made by this method hands on whole, beside its network and its outputs.

        See `MethodInfo.derived_teacher`; what learns from it finds them in `Teacher.whole`.
        """
        return {}

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
        """One Adam over all parameters of the method, unless overridden; the engine alone steps them."""
        return [adam(self.parameters(), settings)]

    def batches(self, source: BatchSource) -> Iterator[Batch]:
        """The batches of one epoch. Data-free methods make their own."""
        return source.epoch(self.epoch_items)

    def rate_factor(self, epoch: int) -> float:
        """What the learning rates that `optimizers` set are multiplied by in epoch `epoch`, counted from 0."""
        return 1.0

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        """What is done with one batch: one update or several. Returns the terms of the loss, detached.

        A method calls neither `backward` nor an optimiser of what it trains; it hands terms to `update`.
        """
        return update(self.loss(batch, self(batch.graph)))

    def on_epoch_start(self, epoch: int) -> None:
        """Before the first step of epoch `epoch`, counted from 0."""

    def on_epoch_end(self, epoch: int, validation: float) -> None:
        """After an epoch, with its validation score; nan unless `selects_on_validation`."""
