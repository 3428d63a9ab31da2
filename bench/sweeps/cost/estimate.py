"""What a sweep will cost: counted from the plan, timed on records where there are any, else by a short probe."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph_distillery.bench.sweeps.cell_run import CellRun
from graph_distillery.bench.sweeps.plan.plan import Cell, Plan, TeacherPlan
from graph_distillery.bench.sweeps.store.status import CellStatus, StoreStatus, TeacherStatus
from graph_distillery.bench.sweeps.study import pruners

if TYPE_CHECKING:
    from graph_distillery.bench.sweeps.means import Means
    from graph_distillery.bench.sweeps.prerequisites import Derivation
    from graph_distillery.bench.training.engine import Configuration, Trained
    from graph_distillery.bench.training.problem import Problem
    from graph_distillery.methods.contract import Teacher

#: Seconds of training after which a probe knows enough.
PROBE_S = 0.5
#: Seconds that a probe goes on where a training may stop by itself, and that all of an estimate may so take.
RUN_ON_S, RUN_ON_TOGETHER_S = 3.0, 15.0
#: Seconds for a worker to start and load its libraries, and for one speed measurement; both measured on small data.
_START_S, SPEED_S = 5.0, 0.5


@dataclass(frozen=True)
class Cost:
    """What is left to do. seconds: None where nothing could be timed; unknown: cells that could not be."""

    trainings: int
    teachers: int
    speeds: int
    seconds: float | None
    unknown: tuple[str, ...]


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def at_once(means: Means) -> int:
    """Trials side by side: workers, but no more than this machine has processors for; those of a cluster it knows."""
    return max(1, means.workers if means.address else min(means.workers, processors()))


def estimate(plan: Plan, progress: StoreStatus, means: Means) -> Cost:
    """The work that is left. Counts are at most, for pruning saves some.

    Where the configuration is fixed, its training is timed as far as it stops by itself. A search is taken to train
    every configuration for all the default's epochs: most stop earlier and many are larger, and over the two searches
    of leaderboard/example (11 and 52 minutes of training) the two made up for each other to 7 %.
    """
    parts = parts_of(plan, progress, means)
    unknown = tuple(cell.label for cell in plan.searches if parts.cells[cell.id] is None)
    seconds = sum(each or 0.0 for work in (parts.cells, parts.teachers, parts.anew) for each in work.values())
    speeds = sum(parts.speeds.values())
    trainings = sum(status.trainings_left for status in progress.cells)
    teachers = sum(max(status.total - status.done - status.failed, 0) for status in progress.teachers)
    teachers += parts.made_anew
    total: float | None = None
    if len(unknown) < len(plan.searches):
        begins = trainings + teachers + speeds
        total = (start_s(means) if begins else 0.0) + seconds / at_once(means) + speeds * SPEED_S
    return Cost(trainings, teachers, speeds, total, unknown)


def start_s(means: Means) -> float:
    """Seconds before the first job, where others than this process do them."""
    return _START_S if means.executor == "ray" or means.workers else 0.0


@dataclass(frozen=True)
class Parts:
    """What is left, in seconds of training by one worker. cells: by the search's id, None where one cannot be timed;
    teachers: by id, for all seeds; anew: of teachers made anew, by what they are made of and how, `made_anew` in all;
    speeds: measurements, by the search's id."""

    cells: Mapping[str, float | None]
    teachers: Mapping[str, float]
    anew: Mapping[Any, float]
    speeds: Mapping[str, int]
    made_anew: int


def parts_of(plan: Plan, progress: StoreStatus, means: Means) -> Parts:
    """The same cell by cell; searches are timed as for `estimate`."""
    probe = _Prober(plan, means.device_here)
    cells: dict[str, float | None] = {}
    statuses = {status.id: status for status in progress.cells}
    for cell in plan.searches:
        each = probe.seconds(cell, statuses[cell.id])
        cells[cell.id] = None if each is None else each * statuses[cell.id].trainings_left
    timed = zip(plan.teachers, progress.teachers, strict=True)
    teachers = {teacher.id: probe.teacher_seconds(teacher, status) for teacher, status in timed}
    anew = _made_anew(plan, statuses)
    seconds = {key: probe.made_anew_seconds(cell) * count for key, (cell, count) in anew.items()}
    speeds = {status.id: max(status.speeds_total - status.speeds_done, 0) for status in progress.cells}
    return Parts(cells, teachers, seconds, speeds, sum(count for _, count in anew.values()))


def anew_key(cell: Cell) -> Any:
    """Cells with the same one share the teachers that are made anew for them."""
    return (*(teacher.id for teacher in cell.teachers), cell.method.derived_teacher)


def _made_anew(plan: Plan, statuses: Mapping[str, CellStatus]) -> dict[Any, tuple[Cell, int]]:
    """How many teachers are made anew, at most, with a cell that asks for them: by what they are made of and how.

    One for each of their settings and splits, but no more than there are trials to ask for them, and on report splits
    one more where the own term is switched off in the teacher; cells share them.
    """
    found: dict[Any, tuple[Cell, int]] = {}
    for cell in plan.searches:
        if cell.method.derived_teacher is None or not statuses[cell.id].trainings_left:
            continue
        own = [parameter for name, parameter in cell.space.parameters.items() if name.startswith("method.teacher_")]
        ways = math.prod(len(parameter.choices or ()) or cell.trials for parameter in own)
        spec = plan.spec
        switched = any(name.startswith("method.teacher_") for name in cell.own_term or ())
        selections = min(ways, 2 if cell.trials else 1) + (switched and not cell.own_term_always_off)
        count = selections * len(spec.report.split_seeds) if cell.reported else 0
        if cell.trials:
            count += min(ways, cell.trials) * len(spec.search.split_seeds)
        key = anew_key(cell)
        if key not in found or found[key][1] < count * len(cell.teachers):
            found[key] = cell, count * len(cell.teachers)
    return found


class _Prober:
    """Seconds of one training of each cell's default configuration on one seed."""

    def __init__(self, plan: Plan, device: str) -> None:
        self.plan, self.device = plan, device
        self._teachers: dict[str, tuple[float, Teacher]] = {}
        self._made_anew: dict[str, tuple[float, Teacher]] = {}
        self._run_on_s = RUN_ON_TOGETHER_S

    def seconds(self, cell: Cell, status: CellStatus) -> float | None:
        """From the cell's own records, else from a probe; None where the probe fails, as the trial would."""
        if not status.trainings_left:
            return 0.0
        done = status.seconds_left
        if done is not None and (status.trials_done or status.reports_done):
            return done / status.trainings_left
        from graph_distillery.bench.errors import UserError

        try:
            return self._probe(cell)
        except UserError:
            raise
        except Exception:
            return None

    def teacher_seconds(self, teacher: TeacherPlan, status: TeacherStatus) -> float:
        """Of all that are left."""
        left = max(status.total - status.done - status.failed, 0)
        if not left or status.seconds_left is not None:
            return status.seconds_left or 0.0
        return left * self._teacher(teacher)[0]

    def _probe(self, cell: Cell) -> float:
        from graph_distillery.bench.sweeps.jobs import configuration
        from graph_distillery.bench.training.precomputed import prepared

        config = configuration(cell.method.name, cell.variant, cell.student, cell.defaults)
        teachers = tuple(view for _, view in self._taught_by(cell))
        return self._timed(config, prepared(self._problem(cell.data), config), teachers, fixed=not cell.trials)

    def made_anew_seconds(self, cell: Cell) -> float:
        """Of making one of a cell's teachers anew; 0 where that fails, as it then will in the sweep."""
        from graph_distillery.bench.errors import UserError

        try:
            taught_by = self._taught_by(cell)
        except UserError:
            raise
        except Exception:
            return 0.0
        return sum(seconds for seconds, _ in taught_by) / len(taught_by)

    def _taught_by(self, cell: Cell) -> list[tuple[float, Teacher]]:
        """The cell's teachers, made anew where its method has that, with the seconds of their last training."""
        from graph_distillery.bench.sweeps.jobs import configuration
        from graph_distillery.bench.sweeps.prerequisites import derivation

        derived = derivation(cell.method, configuration(cell.method.name, cell.variant, cell.student, cell.defaults))
        if derived is None:
            return [self._teacher(teacher) for teacher in cell.teachers]
        return [self._anew(derived, teacher) for teacher in cell.teachers]

    def _anew(self, derived: Derivation, teacher: TeacherPlan) -> tuple[float, Teacher]:
        key = derived.id_from(teacher.id)
        if key not in self._made_anew:
            _, source = self._teacher(teacher)
            config = derived.of(teacher.model, teacher.defaults)
            self._made_anew[key] = self._timed_view(config, self._problem(teacher.data), (source,), fixed=True)
        return self._made_anew[key]

    def _teacher(self, plan: TeacherPlan) -> tuple[float, Teacher]:
        if plan.id not in self._teachers:
            from graph_distillery.bench.sweeps.jobs import configuration

            config = configuration("supervised", "paper", plan.model, plan.defaults)
            fixed = plan.search is None
            self._teachers[plan.id] = self._timed_view(config, self._problem(plan.data), (), fixed)
        return self._teachers[plan.id]

    def _timed_view(
        self, config: Configuration, problem: Problem, teachers: tuple[Teacher, ...], fixed: bool
    ) -> tuple[float, Teacher]:
        """Seconds of a teacher's training, and the teacher as an epoch makes it: good enough to time students with."""
        from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher

        trained = _briefly_trained(config, problem, teachers)
        view = unpack_teacher(pack_teacher("0" * 16, trained, config), problem)
        return self._timed(config, problem, teachers, fixed), view

    def _timed(self, config: Configuration, problem: Problem, teachers: tuple[Teacher, ...], fixed: bool) -> float:
        """Seconds of one training; fixed: nobody varies the configuration, and it is worth knowing when it stops."""
        from graph_distillery.methods import METHODS

        stops = fixed and bool(config.settings.patience) and METHODS.load(config.method).selects_on_validation
        began = time.perf_counter()
        seconds = _timed(config, problem, teachers, stops, min(RUN_ON_S, self._run_on_s) if stops else 0.0)
        if stops:
            self._run_on_s = max(0.0, self._run_on_s - max(0.0, time.perf_counter() - began - PROBE_S))
        return seconds

    def _problem(self, data: Any) -> Problem:
        from graph_distillery.bench.training.problem import ProblemKey, load_problem

        key = ProblemKey(data.dataset, data.split, data.setting, self.plan.data_dir)
        return load_problem(key, self.plan.spec.report.seeds[0], self.device)


def _timed(
    configuration: Any, problem: Problem, teachers: tuple[Teacher, ...], stops: bool = False, run_on_s: float = 0.0
) -> float:
    """Seconds that its epochs take, from as few of them as PROBE_S and then `run_on_s` ask for and what comes before.

    stops: whether it may stop by itself. Where it has not yet, it will do so somewhere between now, or its patience,
    and its last epoch: their geometric mean is off by the least factor.
    """
    import torch

    from graph_distillery.bench.sweeps.worker import warm_up
    from graph_distillery.bench.training.engine import Trained, train

    torch.set_num_threads(1)
    warm_up()
    # What else the machine is at is no cost of the sweep; but what a GPU does is not in this process's time.
    clock = time.process_time if problem.training.labels.device.type == "cpu" else time.perf_counter
    first = epochs = 0
    began = after_first = clock()
    events = train(configuration, [problem.seed], _giving(problem), _giving(teachers), report_every=1)
    for event in events:
        now = clock()
        if isinstance(event, Trained):
            return now - began
        epochs = event.epoch
        if not first:
            first, after_first = epochs, now
        elif now - after_first >= PROBE_S + run_on_s:
            break
    events.close()
    each = (clock() - after_first) / (epochs - first)
    settings = configuration.settings
    last = math.sqrt(max(epochs, settings.patience) * settings.epochs) if stops else settings.epochs
    return after_first - began + each * (last - first)


def _briefly_trained(configuration: Configuration, problem: Problem, teachers: tuple[Teacher, ...]) -> Trained:
    """After one epoch."""
    from graph_distillery.bench.training.engine import train

    short = replace(configuration, student_hyper={**configuration.student_hyper, "epochs": 1})
    return next(train(short, [problem.seed], _giving(problem), _giving(teachers)))


def _giving(value: Any) -> Callable[[int], Any]:
    return lambda seed: value


def progress_of(plan: Plan, store: Path) -> StoreStatus:
    """How far the plan is in a store, which need not exist.

    Raises:
        UserError: the store is of a plan that this one does not go on from, or the place is taken.
    """
    from graph_distillery.bench.sweeps.store.files import begun, refuse
    from graph_distillery.bench.sweeps.store.kept_status import read_status
    from graph_distillery.bench.sweeps.store.status import status_of

    if begun(store):
        return read_status(store, plan)
    refuse(store)
    return status_of(plan, (), driver=False)


@dataclass(frozen=True)
class Pruning:
    """Whether and when a plan's pruner can act. searched: there is a search; acts: in one of them at least.

    p: seed-racing stops a trial below it. rungs: epochs at which the first seed's score is compared, for each length
    of training; with median those of its first look alone.
    """

    searched: bool
    acts: bool
    p: float | None = None
    rungs: tuple[tuple[int, ...], ...] = ()


def pruning_of(plan: Plan) -> Pruning:
    """What the spec's pruner can do in this plan."""
    search = plan.spec.search
    studies = [CellRun(cell, plan.spec).study for cell in plan.searches if cell.trials]
    if search.pruner == "none" or not studies:
        return Pruning(bool(studies), acts=False)
    if search.pruner not in pruners.OVER_EPOCHS:
        acts = pruners.seeds_can_race(studies[0])
        return Pruning(True, acts, pruners.wilcoxon_p(studies[0]) if acts else None)
    racing = [study for study in studies if pruners.epochs_can_race(study)]
    rungs: tuple[tuple[int, ...], ...]
    if search.pruner == "median":
        rungs = tuple((first,) for first in sorted({pruners.first_rung(study) for study in racing}))
    else:
        rungs = tuple(dict.fromkeys(tuple(pruners.rungs(study)) for study in racing))
    return Pruning(True, bool(racing), rungs=rungs)
