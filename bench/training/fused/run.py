"""The engine's second way: several runs of one shape trained as one program, each as it would train alone.

What is one: the students' forward passes, with one sparse product over the columns of all runs, their gradients, and
the optimiser's step. What stays each run's own, in its own order of random draws: batches, hooks, the loss, labels and
teachers, patience and the best state. Scores may differ from those of a run alone in their last bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from graph_distillery.bench.training.clock import Clock, TimeLimitExceeded
from graph_distillery.bench.training.engine import Configuration, Selection, Trained, build, make_batches
from graph_distillery.bench.training.fused.generators import OwnDraws
from graph_distillery.bench.training.fused.graphs import CommonGraphs
from graph_distillery.bench.training.fused.qualify import check_first_step, why_not, without_student
from graph_distillery.bench.training.fused.scores import Validation
from graph_distillery.bench.training.fused.stack import Students, output_of
from graph_distillery.bench.training.fused.update import RunsUpdate
from graph_distillery.bench.training.judging import judge_validation
from graph_distillery.bench.training.problem import Problem
from graph_distillery.methods.contract import Batch, BatchSource, Method, Teacher
from graph_distillery.methods.vectorised import CannotVectorise


@dataclass
class Run:
    """One run on its way, or at its end."""

    configuration: Configuration
    problem: Problem
    method: Method[Any]
    draws: OwnDraws
    source: BatchSource
    chosen: Selection = field(default_factory=Selection)
    epochs: int = 0
    seconds: float = 0.0
    kept: dict[str, Tensor] = field(default_factory=dict)  # no `Snapshot`: a student's memory moves as others end
    error: FloatingPointError | None = None

    @property
    def student(self) -> nn.Module:
        assert self.method.student is not None
        return self.method.student

    def take(self) -> None:
        """The state as it is becomes the best one."""
        for name, value in self.method.state_dict().items():
            if name in self.kept:
                self.kept[name].copy_(value)
            else:
                self.kept[name] = value.clone()

    def restore(self) -> None:
        with torch.no_grad():
            for name, value in self.method.state_dict().items():
                value.copy_(self.kept[name])


def train_together(
    configurations: Sequence[Configuration],
    seeds: Sequence[int],
    problem_of: Callable[[int], Problem],
    teachers_of: Callable[[int], tuple[Teacher, ...]],
    time_limit_s: float | None = None,
) -> Iterator[Trained]:
    """Every configuration on every seed (configuration by configuration), in one program; yields when all have ended.

    configurations: of one method, variant and student, which may differ in all that changes no shape: the method's
    hyperparameters, dropout, and how the student is optimised. A run's time is its share of the program's.

    Raises:
        CannotVectorise: they have to be run one after another, or one of them fails; nothing was yielded.
        FloatingPointError: the loss or the predictions of a run are not finite; those before it were yielded.
        TimeLimitExceeded: the runs took longer than `time_limit_s` seconds each.
    """
    try:
        runs = _begin(configurations, seeds, problem_of, teachers_of)
        if (reason := why_not([run.method for run in runs])) is not None:
            raise CannotVectorise(reason)
        limit = None if time_limit_s is None else time_limit_s * len(runs)
        _Program(runs, Clock(limit), teachers_of).fit()
    except (CannotVectorise, TimeLimitExceeded):
        raise
    except Exception as error:  # a limit of vmap, or too little memory; what is wrong with a run alone, it tells too
        raise CannotVectorise(f"{type(error).__name__}: {error}") from error
    for run in runs:
        if run.error is not None:
            raise run.error
        run.method.eval()
        validation = judge_validation(run.method, run.problem)
        yield Trained(run.problem.seed, run.method, run.problem, validation, run.epochs, run.seconds)


def _begin(
    configurations: Sequence[Configuration],
    seeds: Sequence[int],
    problem_of: Callable[[int], Problem],
    teachers_of: Callable[[int], tuple[Teacher, ...]],
) -> list[Run]:
    """Each run as it is before its first epoch."""
    shapes = {(each.method, each.variant, each.student) for each in configurations}
    if len(shapes) != 1 or len(configurations) * len(seeds) < 2:
        raise CannotVectorise("there are not several runs of one method, variant and student")
    runs = []
    for configuration in configurations:
        for seed in seeds:
            problem = problem_of(seed)
            method = build(configuration, problem, teachers_of(seed)).train()
            draws = OwnDraws(problem.training.graph.device)
            runs.append(Run(configuration, problem, method, draws, BatchSource()))
    return runs


class _Program:
    """The runs that are under way, and what they are one of."""

    def __init__(self, runs: Sequence[Run], clock: Clock, teachers_of: Callable[[int], tuple[Teacher, ...]]) -> None:
        self.runs, self.clock, self.teachers_of = list(runs), clock, teachers_of
        self.checked = False
        self.graphs = CommonGraphs()
        self.selects = runs[0].method.selects_on_validation

    def fit(self) -> None:
        """Train each run to its best validation score and restore that state, as `engine.fit_in_steps`."""
        for run in self.runs:
            run.source = make_batches(run.method, run.configuration, run.problem)
        self.students = Students([run.student for run in self.runs])
        self.update = RunsUpdate(self.students, [_own(run) for run in self.runs], [_settings(r) for r in self.runs])
        self.validation = Validation(self.students, self.graphs)
        if self.selects:
            for run in self.runs:
                run.take()
        epoch = 0
        while self.runs:
            self._end([run for run in self.runs if epoch >= _settings(run).epochs])
            if self.runs:
                self._epoch(epoch)
                epoch += 1

    def _epoch(self, epoch: int) -> None:
        began, count = self.clock.seconds, len(self.runs)
        for run in self.runs:
            run.method.train()
            if type(run.method).on_epoch_start is not Method.on_epoch_start:
                with run.draws.in_place():
                    run.method.on_epoch_start(epoch)
        totals = torch.zeros(count)
        for batches in self._batches():
            totals = self._step(batches)
        for run, total in zip(self.runs, totals.tolist(), strict=True):
            run.epochs = epoch + 1
            if not math.isfinite(total):
                run.error = FloatingPointError(f"the loss is {total} in epoch {epoch}")
        stopped = self._select(epoch) if self.selects else []
        self.clock.check(f"in epoch {epoch}")
        for run in self.runs:
            run.seconds += (self.clock.seconds - began) / count
        self._end([run for run in self.runs if run.error is not None or run in stopped])

    def _batches(self) -> Iterator[list[Batch]]:
        """Of each run its next batch, as long as there are any."""
        given = [run.method.batches(run.source) for run in self.runs]
        while True:
            found: list[Batch | None] = []
            for run, batches in zip(self.runs, given, strict=True):
                with run.draws.in_place():
                    found.append(next(batches, None))
            present = [batch for batch in found if batch is not None]
            if not present:
                return
            if len(present) < len(found):
                raise CannotVectorise("some seeds have more batches than others")
            yield present

    def _step(self, batches: Sequence[Batch]) -> Tensor:
        """One step of every run; their losses, [runs]."""
        graphs = [run.method.inputs(batch.graph) for run, batch in zip(self.runs, batches, strict=True)]
        draws, states = [run.draws for run in self.runs], self.runs[0].method.student_states
        found = self.students(self.graphs.of(graphs), draws, states, training=True)
        losses = [
            self._loss(run, batch, found, place)
            for place, (run, batch) in enumerate(zip(self.runs, batches, strict=True))
        ]
        totals = torch.stack(losses)
        self.update(totals.sum())
        if not self.checked:
            first = self.runs[0]
            check_first_step(
                first.configuration, first.problem, self.teachers_of(first.problem.seed), self._gradients()
            )
            self.checked = True
        return totals.detach()

    def _loss(self, run: Run, batch: Batch, found: Mapping[str, Any], place: int) -> Tensor:
        with run.draws.in_place(), without_student(run.method):
            terms = run.method.loss(batch, output_of(found, place))
        return torch.stack(list(terms.values())).sum()

    def _gradients(self) -> dict[str, Tensor | None]:
        """Those of the first run, by the names that they have in its method."""
        run, found = self.runs[0], dict[str, Tensor | None]()
        names = {id(own): name for name, own in run.student.named_parameters()}
        for name, own in run.method.named_parameters():
            stacked = self.students.stacked.get(names.get(id(own), ""))
            gradient = own.grad if stacked is None else stacked.grad
            found[name] = gradient if stacked is None or gradient is None else gradient[0]
        return found

    def _select(self, epoch: int) -> list[Run]:
        """Judge each run's state, and keep those that are the best so far; the runs whose patience is at its end."""
        stopped = []
        for run, score in zip(self.runs, self.validation.scores(self.runs), strict=True):
            if run.error is not None:
                continue
            if not math.isfinite(score):
                metric = run.problem.identity.metric
                run.error = FloatingPointError(f"{metric} of the validation items is {score} in epoch {epoch}")
                continue
            if run.chosen.takes(run.method, epoch, score):
                run.take()
            if run.chosen.is_over(_settings(run).patience):
                stopped.append(run)
        return stopped

    def _end(self, ended: Sequence[Run]) -> None:
        """These runs are over; the others go on without them."""
        if not ended:
            return
        places = [place for place, run in enumerate(self.runs) if not any(run is each for each in ended)]
        if places:
            self.students.keep(places)
            self.update.keep(places)
        else:
            self.students.release()
        for run in ended:
            if self.selects:
                run.restore()
        self.runs = [self.runs[place] for place in places]


def _settings(run: Run) -> Any:
    return run.method.context.settings


def _own(run: Run) -> list[nn.Parameter]:
    """What a run trains besides its student."""
    students = {id(own) for own in run.student.parameters()}
    return [own for own in run.method.parameters() if id(own) not in students]
