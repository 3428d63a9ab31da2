"""The training engine: a configuration and a list of seeds in, a trained method per seed out.

How seeds are run is nobody else's business, so that a GPU may batch them one day; today they run one after
another, because on a CPU a wide product costs more than several narrow ones.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, overload

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from graph_distillery.bench.errors import UserError, value_line
from graph_distillery.bench.models.base import Model
from graph_distillery.bench.models.receptive_field import field_of
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.training.batches import LabelledBatch, Reads, make_source
from graph_distillery.bench.training.clock import Clock, same_draws
from graph_distillery.bench.training.judging import judge_validation, lent, validation_score
from graph_distillery.bench.training.problem import Problem
from graph_distillery.bench.training.sampling import sampled_source
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods import METHODS, MethodInfo
from graph_distillery.methods.contract import BatchSource, Context, Graph, Method, OptimiserSettings, Teacher
from graph_distillery.near_names import hint

_SETTINGS = tuple(item.name for item in fields(OptimiserSettings))


@dataclass(frozen=True)
class Configuration:
    """One method on one student, every hyperparameter resolved.

    student: None for a method without one. student_hyper: the model's own hyperparameters and the optimiser's
    (lr, weight_decay, epochs, patience, batch_size, clip) side by side, as in the model's search space.
    """

    method: str
    variant: str = "paper"
    method_hyper: Mapping[str, Any] = field(default_factory=dict)
    student: str | None = None
    student_hyper: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> OptimiserSettings:
        """Raises UserError where one is out of bounds."""
        try:
            return OptimiserSettings(**{k: v for k, v in self.student_hyper.items() if k in _SETTINGS})
        except ValueError as error:
            raise UserError(str(error)) from None

    @property
    def model_hyper(self) -> dict[str, Any]:
        return {k: v for k, v in self.student_hyper.items() if k not in _SETTINGS}


@dataclass(frozen=True)
class Trained:
    """One seed's outcome; the method carries its best state and is in evaluation mode."""

    seed: int
    method: Method[Any]
    problem: Problem
    validation: dict[str, float]
    epochs: int
    train_s: float


@dataclass(frozen=True)
class EpochScore:
    """How a training under way does: the validation score that it would end with, were it stopped now.

    epoch: how many are done. score: the best so far, or of the last state for a method that keeps that one.
    """

    seed: int
    epoch: int
    score: float
    train_s: float


@overload
def train(
    configuration: Configuration,
    seeds: Sequence[int],
    problem_of: Callable[[int], Problem],
    teachers_of: Callable[[int], tuple[Teacher, ...]],
    time_limit_s: float | None = None,
) -> Generator[Trained]: ...


@overload
def train(
    configuration: Configuration,
    seeds: Sequence[int],
    problem_of: Callable[[int], Problem],
    teachers_of: Callable[[int], tuple[Teacher, ...]],
    time_limit_s: float | None = None,
    *,
    report_every: int,
) -> Generator[EpochScore | Trained]: ...


def train(
    configuration: Configuration,
    seeds: Sequence[int],
    problem_of: Callable[[int], Problem],
    teachers_of: Callable[[int], tuple[Teacher, ...]],
    time_limit_s: float | None = None,
    *,
    report_every: int = 0,
) -> Generator[Any]:
    """Train one configuration on each seed, yielding as seeds end.

    With `report_every` above 0 it also yields an `EpochScore` every so many epochs, but for the last. Neither that
    nor what is done meanwhile changes the training or counts as its time; closing the iterator stops it.

    Raises:
        UserError: the configuration does not fit the problem.
        FloatingPointError: the loss or the predictions are not finite.
        TimeLimitExceeded: one seed took longer than `time_limit_s` seconds.
    """
    for seed in seeds:
        problem = problem_of(seed)
        teachers = teachers_of(seed)
        clock = Clock(time_limit_s)  # after data and teachers have come, which is no part of training
        method = build(configuration, problem, teachers)
        epochs = 0
        if method.trainable:
            fitting = fit_in_steps(method, configuration, problem, clock, report_every)
            while True:
                try:
                    epoch, score = next(fitting)
                except StopIteration as end:
                    epochs = end.value
                    break
                yield EpochScore(seed, epoch, score, clock.seconds)
        method.eval()
        seconds = clock.seconds
        validation = judge_validation(method, problem)
        yield Trained(seed, method, problem, validation, epochs, seconds)


def seed_everything(seed: int) -> None:
    """Every generator that training may draw from."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries that draw from the global generator must be seeded too
    torch.manual_seed(seed)


def build(configuration: Configuration, problem: Problem, teachers: tuple[Teacher, ...]) -> Method[Any]:
    """The method, freshly initialised for the problem's seed.

    Raises:
        UserError: the method does not fit the task, the student or the teachers, or a hyperparameter is unknown
            or out of bounds; one line that names it.
    """
    seed_everything(problem.seed)
    data = problem.training
    new_student = _student_factory(configuration, problem) if configuration.student else None
    info = METHODS.get(configuration.method)
    _check_support(info, configuration.student, problem, teachers)
    if configuration.variant not in info.variants:
        near = hint(configuration.variant, info.variants, "it has")
        raise UserError(f"method {info.name!r} has no variant {configuration.variant!r}; {near}")
    if missing := [name for name in info.artefacts if name not in problem.artefacts]:
        raise UserError(f"method {info.name!r} needs artefact {missing[0]!r}, which was not made")
    learned = lent(problem.validation)[0] if info.trains_on_validation else None
    artefacts = {name: problem.artefacts[name].tensors for name in info.artefacts} if info.training_data else {}
    context = Context(
        task=data.task,
        num_features=data.graph.num_features,
        data=data if info.training_data else None,
        teachers=teachers if info.training_data else tuple(teacher.without_data() for teacher in teachers),
        new_student=new_student,
        settings=configuration.settings,
        variant=configuration.variant,
        device=data.graph.device,
        artefacts=artefacts,
        validation=None if learned is None else (learned.items, learned.labels),
    )
    method_class: type[Method[Any]] = METHODS.load(configuration.method)
    hyper = parse_hyperparameters(method_class, configuration.method, configuration.method_hyper)
    return method_class(hyper, context).to(data.graph.device)


def _check_support(info: MethodInfo, student: str | None, problem: Problem, teachers: tuple[Teacher, ...]) -> None:
    """Raises UserError where the catalogue says that the method has no such cell."""
    task = problem.training.task.name
    if not info.supports(task):
        raise UserError(f"method {info.name!r} does not support {task}; it supports {', '.join(info.tasks)}")
    if student is None and info.students:
        raise UserError(f"method {info.name!r} needs a student: {' or '.join(info.students)}")
    if student is not None:
        if reason := info.why_not_student(student, student_kind(student)):
            raise UserError(f"method {info.name!r} {reason}")
        model = MODELS.get(student)
        if reason := model.why_not_setting(problem.key.setting) or model.why_not_task(problem.training.task.info):
            raise UserError(reason)
    if info.teacher != "none" and not teachers:
        raise UserError(f"method {info.name!r} needs a teacher and none is given")
    if info.teacher == "many" and len(teachers) == 1:
        raise UserError(f"method {info.name!r} takes several teachers and one is given")
    if info.teacher == "one" and len(teachers) > 1:
        raise UserError(f"method {info.name!r} takes one teacher and {len(teachers)} are given")


def parse_hyperparameters(method_class: type[Method[Any]], name: str, values: Mapping[str, Any]) -> Any:
    """The method's own pydantic model, or one line on the first value that does not fit."""
    try:
        return method_class.Hyperparameters(**values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        valid = ", ".join(method_class.Hyperparameters.model_fields) or "none"
        raise UserError(f"method {name!r}: {place}: {value_line(first)} (its hyperparameters: {valid})") from None


def _student_factory(configuration: Configuration, problem: Problem) -> Callable[[int], nn.Module]:
    from graph_distillery.bench.models.base import attribute_width, build_model

    # Not the training data itself: a method that does without holds on to this function.
    task, device, num_nodes = problem.training.task, problem.training.graph.device, problem.training.graph.num_nodes
    model_hyper, width = configuration.model_hyper, attribute_width(problem.training.graph)
    types = problem.training.graph.types

    def new_student(num_features: int, **hyper: Any) -> nn.Module:
        return build_model(
            configuration.student or "",
            num_features,
            task.num_classes,
            model_hyper | hyper,
            task.level,
            num_nodes,
            width,
            types,
        ).to(device)

    return new_student


def fit(method: Method[Any], configuration: Configuration, problem: Problem, time_limit_s: float | None = None) -> int:
    """`fit_in_steps` at one go; returns the epochs that were run."""
    fitting = fit_in_steps(method, configuration, problem, Clock(time_limit_s))
    while True:
        try:
            next(fitting)
        except StopIteration as end:
            return int(end.value)


def fit_in_steps(
    method: Method[Any], configuration: Configuration, problem: Problem, clock: Clock, report_every: int = 0
) -> Generator[tuple[int, float], None, int]:
    """Train to the best validation score and restore that state; returns the epochs that were run.

    A score as good as the best counts as better, as in GLNN's released code: among equals the later state stays.
    A method that does not select on validation runs every epoch and keeps its last state. Yields the epochs done
    and the score so far, every `report_every` epochs.
    """
    settings, selects = configuration.settings, method.selects_on_validation
    for _ in method.prepare():
        clock.check("before the first epoch")
    source = make_batches(method, configuration, problem)
    update = GradientUpdate(method.optimizers(settings), settings.clip)
    epoch, chosen = 0, Selection()
    kept = Snapshot(method)
    for epoch in range(settings.epochs):
        method.train()
        method.on_epoch_start(epoch)
        update.scale_rates(method.rate_factor(epoch))
        total = torch.zeros(())
        for batch in method.batches(source):
            terms = method.step(batch, update)
            total = torch.stack(list(terms.values())).sum()
        if not bool(torch.isfinite(total)):
            raise FloatingPointError(f"the loss is {float(total)} in epoch {epoch}")
        score = validation_score(method, problem) if selects else math.nan
        if selects and not math.isfinite(score):  # no comparison would ever hold, and the untrained state be kept
            raise FloatingPointError(f"{problem.identity.metric} of the validation items is {score} in epoch {epoch}")
        if selects and chosen.takes(method, epoch, score):  # before the hook, so that what is kept is what was judged
            kept.take()
        method.on_epoch_end(epoch, score)
        if selects and chosen.is_over(settings.patience):
            break
        clock.check(f"in epoch {epoch}")
        if report_every and (epoch + 1) % report_every == 0 and epoch + 1 < settings.epochs:
            with clock.stopped(), same_draws(problem.training.graph.device):
                so_far = chosen.best if chosen.best >= 0 else score if selects else validation_score(method, problem)
                yield epoch + 1, so_far
    if selects:
        kept.restore()
    return epoch + 1 if settings.epochs else 0


@dataclass
class Selection:
    """Which epoch's state is kept by its validation score, and when patience is at its end."""

    best: float = -1.0
    waited: int = 0

    def takes(self, method: Method[Any], epoch: int, score: float) -> bool:
        """Whether the state of this epoch is to be kept."""
        if not method.may_be_kept(epoch):
            return False
        better = score > self.best or (score == self.best and method.best_epoch == "last")
        self.best, self.waited = (score, 0) if better else (self.best, self.waited + 1)
        return better

    def is_over(self, patience: int) -> bool:
        """patience: epochs without a better score; 0: any number."""
        return bool(patience) and self.waited >= patience


class Snapshot:
    """The best state so far, in memory that is claimed once."""

    def __init__(self, method: nn.Module) -> None:
        self.live: dict[str, Tensor] = method.state_dict()
        self.saved = {name: value.clone() for name, value in self.live.items()}

    def take(self) -> None:
        for name, value in self.live.items():
            self.saved[name].copy_(value)

    def restore(self) -> None:
        with torch.no_grad():
            for name, value in self.live.items():
                value.copy_(self.saved[name])


def make_batches(method: Method[Any], configuration: Configuration, problem: Problem) -> BatchSource:
    """Where the method's batches come from; empty for a method that makes its own."""
    if method.context.data is None:
        return BatchSource()
    student, size = method.student, configuration.settings.batch_size
    if isinstance(student, Model) and student.fan_out is not None:
        return sampled_source(problem.training, method.teachers, size, student, method.needs_edges)
    if (field := _training_field(method, problem)) is not None:
        return LabelledBatch(problem.training, method.teachers, field)
    uses_edges = not isinstance(student, Model) or student.uses_edges
    training = problem.training
    if size is not None and uses_edges and (rows := _rows_for(method, training.graph)) is not None:
        training, uses_edges = replace(training, graph=rows), False
    reads = Reads(uses_edges, method.needs_edges, method.reads_graph_columns)
    return make_source(training, method.teachers, size, reads)


def _training_field(method: Method[Any], problem: Problem) -> Graph | None:
    """What the student reads of the graph where nothing but labelled items, all at once, is learned from; None where
    it is to read the graph whole: where that costs little more, or where it normalises over all nodes."""
    student, as_it_is = method.student, method.inherits("inputs", "forward", "batches", "step")
    if not isinstance(student, Model) or not as_it_is or method.needs_edges or method.student_states:
        return None
    if method.epoch_items != "labelled" or any(isinstance(part, _BatchNorm) for part in student.modules()):
        return None
    learned = problem.learned
    return field_of(student, learned.graph, learned.items, learned.cached)


def _rows_for(method: Method[Any], graph: Graph) -> Graph | None:
    """The graph whose rows alone are enough for a student of features that were propagated; None where they are not."""
    as_it_is = method.inherits("inputs", "forward")
    if not isinstance(method.student, Model) or method.needs_edges or not as_it_is or graph.num_graphs > 1:
        return None
    return method.student.as_rows(graph)


def student_kind(name: str) -> str:
    """gnn or mlp."""
    return str(MODELS.get(name).kind)
