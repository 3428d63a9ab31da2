"""How far a sweep is: per cell from its `CellRun`; of a store from its files alone, even while a driver writes."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.records import Record
from graph_distillery.bench.records.collapse import collapse_in
from graph_distillery.bench.sweeps.cell_run import CellRun
from graph_distillery.bench.sweeps.plan.plan import Plan, TeacherPlan
from graph_distillery.bench.sweeps.store.heartbeat import Pulse

#: Of records, what is no failure.
WENT_WELL = ("ok", "pruned")
State = Literal["waiting", "searching", "reporting", "done", "failed"]


@dataclass(frozen=True)
class ParetoPoint:
    """A trial that none beats in score and latency at once; locked: whether it is the winner as things stand."""

    trial: int
    score: float
    latency_ms: float
    locked: bool


@dataclass(frozen=True)
class CellStatus:
    """One cell's progress.

    under_way: trials with a seed done and others to come. failed: records that are neither ok nor pruned.
    best: the best mean validation score of a complete trial so far. reports_total: before the search has its
    winner it counts the default and a tuned configuration; and the winner without its own term where that is
    measured. trainings_left: without reports that only repeat others. seconds_left: of training, by one worker; None
    where no training has ended anywhere in the store. hindrance: why the cell cannot be finished as things stand.
    collapsed: by selection the report seeds that learned nothing.
    """

    id: str
    label: str
    metric: str
    state: State
    trials_done: int
    trials_total: int
    under_way: int
    pruned: int
    failed: int
    best: float | None
    reports_done: int
    reports_total: int
    speeds_done: int
    speeds_total: int
    trainings_left: int
    seconds_left: float | None
    pareto: tuple[ParetoPoint, ...] = ()
    hindrance: str | None = None
    collapsed: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class TeacherStatus:
    """Trained artefacts of one teacher, and how many the plan needs at most."""

    id: str
    label: str
    done: int
    total: int
    failed: int
    seconds_left: float | None
    collapsed: tuple[int, ...] = ()


@dataclass(frozen=True)
class StoreStatus:
    """A store's progress. driver: whether one is at work; None where this system cannot tell.

    pulse: the driver's own sign of life; None without a driver.
    """

    plan: Plan
    driver: bool | None
    cells: tuple[CellStatus, ...]
    teachers: tuple[TeacherStatus, ...]
    warnings: tuple[str, ...]
    pulse: Pulse | None = None

    def running(self, id_: str) -> int:
        """Jobs under way of a cell or teacher, as far as its driver says."""
        return self.pulse.running.get(id_, 0) if self.pulse else 0

    @property
    def wall_s(self) -> float | None:
        """Seconds left by the clock, at the rate that the driver has had, or before it has one at its slots; None
        without a driver or a finished training."""
        if self.seconds_left is None or self.pulse is None or self.pulse.slots < 1:
            return None
        if self.pulse.pace is not None:
            return self.seconds_left * self.pulse.pace
        return self.seconds_left / self.pulse.slots

    @property
    def seconds_left(self) -> float | None:
        """Of training, by one worker."""
        parts = [cell.seconds_left for cell in self.cells] + [teacher.seconds_left for teacher in self.teachers]
        known = [seconds for seconds in parts if seconds is not None]
        return math.fsum(known) if known or not parts else None


def cell_status(run: CellRun, usual_s: float | None = None) -> CellStatus:
    """Read off a cell's records. usual_s: seconds of a training, for a cell that has none of its own."""
    trials = run.known_trials()
    ended = [trial for trial in trials if trial.state != "running"]
    records = [*(r for seeds in run.trials.values() for r in seeds.values()), *run.reports.values()]
    everything = [*records, *run.speeds.values()]
    best = max((trial.mean for trial in trials if trial.state == "complete"), default=None)
    seconds = [r.timings.train_s for r in records if r.status in WENT_WELL]
    each = statistics.fmean(seconds) if seconds else usual_s
    selections = _selections(run)
    ablated = int(selections > 0 and run.cell.own_term is not None)
    reports_total = (selections + ablated) * len(run.spec.report.seeds)
    unstarted = (run.budget - len(trials)) * len(run.study.seeds)
    begun = sum(len(run.study.seeds) - len(t.values) for t in trials if t.state == "running")
    reports_done = run.reports_done()
    repeats = len(run.spec.report.seeds) - run.ablated_done() if ablated and run.ablated_alike() else 0
    left = max(unstarted, 0) + begun + max(reports_total - reports_done - repeats, 0)
    return CellStatus(
        id=run.cell.id,
        label=run.cell.label,
        metric=DATASETS.get(run.cell.data.dataset).metric,
        state=_state(run, len(trials), reports_total, selections),
        trials_done=len(ended),
        trials_total=run.budget,
        under_way=len(trials) - len(ended),
        pruned=sum(trial.state == "pruned" for trial in trials),
        failed=sum(r.status not in WENT_WELL for r in everything),
        best=best,
        reports_done=reports_done,
        reports_total=reports_total,
        speeds_done=run.speeds_done(),
        speeds_total=selections,
        trainings_left=left,
        seconds_left=0.0 if not left else None if each is None else left * each,
        pareto=pareto_set(run),
        collapsed=_collapsed(run),
    )


def _collapsed(run: CellRun) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for record in run.reports.values():
        if collapse_in(record) is not None:
            selection = record.search.selection if record.search and record.search.selection else "default"
            found.setdefault(selection, []).append(record.seed)
    return {selection: tuple(sorted(seeds)) for selection, seeds in sorted(found.items())}


def pareto_set(run: CellRun) -> tuple[ParetoPoint, ...]:
    """The best score first; empty where the score is the only objective."""
    if len(run.study.search.objectives) == 1:
        return ()
    winner = run.locked()
    points = []
    for trial in run.study.pareto(run.known_trials()):
        score, latency = run.study.objectives(trial)
        points.append(ParetoPoint(trial.number, score, latency, winner is not None and trial.number == winner.number))
    return tuple(points)


def _selections(run: CellRun) -> int:
    """How many configurations are, or may be, reported."""
    if not run.cell.reported:
        return 0
    if not run.searched:
        return 2
    return len(run.selections())


def hindrance(run: CellRun, runs: Mapping[str, CellRun], records: Mapping[str, Sequence[Record]]) -> str | None:
    """Why a cell that is not finished cannot be, as its store stands; None where nothing is in its way.

    runs, records: by the id of cell or teacher, the teachers' own searches among them.
    """
    if run.searched and run.cell.reported and not run.selections():
        return "every trial failed"
    for teacher in run.cell.teachers:
        if teacher.search is not None:
            search = runs[teacher.search.id]
            if search.searched and search.locked() is None:
                return "every trial of its teacher's own search failed"
    seeds = {*run.spec.report.split_seeds, *(run.spec.search.split_seeds if run.budget else ())}
    for record in (record for teacher in run.cell.teachers for record in records.get(teacher.id, ())):
        if record.kind == "teacher" and record.seed in seeds and record.status != "ok":
            return f"its teacher of seed {record.seed}: {record.status}: {record.error}"
    return None


def _state(run: CellRun, begun: int, reports_total: int, selections: int) -> State:
    if run.searched:
        if run.cell.reported and not selections:
            return "failed"
        if run.reports_done() >= reports_total and run.speeds_done() >= selections:
            return "done"
        return "reporting" if run.budget or run.reports or run.speeds else "waiting"
    return "searching" if begun else "waiting"


def teacher_status(teacher: TeacherPlan, plan: Plan, records: Iterable[Record]) -> TeacherStatus:
    """How many of its seeds are trained: the report seeds, and the tuning seeds where a search needs them."""
    users = [cell for cell in plan.cells if teacher.id in {each.id for each in cell.teachers}]
    seeds = set(plan.spec.report.split_seeds) if users else set()
    if any(cell.trials for cell in users):
        seeds |= set(plan.spec.search.split_seeds)
    own = [record for record in records if record.kind == "teacher" and record.cell.id == teacher.id]
    good = [record for record in own if record.status == "ok"]
    left = max(len(seeds) - len(own), 0)
    each = statistics.fmean(record.timings.train_s for record in good) if good else None
    seconds = 0.0 if not left else None if each is None else left * each
    label = f"{teacher.data.dataset}/{teacher.data.split} {teacher.model}"
    fallen = tuple(sorted(record.seed for record in good if collapse_in(record) is not None))
    return TeacherStatus(teacher.id, label, len(good), len(seeds), len(own) - len(good), seconds, fallen)


def seconds_by_cell(records: Iterable[Record]) -> dict[str, tuple[float, int]]:
    """Seconds of the trainings that ended in each cell, and how many."""
    found: dict[str, list[float]] = defaultdict(list)
    for record in records:
        if record.kind in ("trial", "report") and record.status in WENT_WELL:
            found[record.cell.id].append(record.timings.train_s)
    return {cell_id: (math.fsum(each), len(each)) for cell_id, each in found.items()}


def usual_seconds(by_cell: Mapping[str, tuple[float, int]]) -> float | None:
    """Of a training anywhere in the store; None where none has ended."""
    number = sum(count for _, count in by_cell.values())
    return math.fsum(seconds for seconds, _ in by_cell.values()) / number if number else None


def status_of(plan: Plan, records: Iterable[Record], driver: bool | None, warnings: Iterable[str] = ()) -> StoreStatus:
    """A plan's progress, given its records."""
    everything = list(records)
    cells = cells_of(plan, everything, usual_seconds(seconds_by_cell(everything)))
    teachers = tuple(teacher_status(teacher, plan, everything) for teacher in plan.teachers)
    return StoreStatus(plan, driver, tuple(cells), teachers, tuple(warnings))


def cells_of(
    plan: Plan, records: Sequence[Record], usual_s: float | None, wanted: Collection[str] | None = None
) -> list[CellStatus]:
    """The progress of the cells of these ids, or all, in the plan's order; records: those of them, of their teachers,
    and of their teachers' own searches, at least."""
    by_cell: Mapping[str, list[Record]] = defaultdict(list)
    for record in records:
        by_cell[record.cell.id].append(record)
    runs = {cell.id: CellRun(cell, plan.spec) for cell in plan.searches}
    for cell_id, run in runs.items():
        run.take(by_cell[cell_id])
    cells = []
    for run in runs.values():
        if wanted is None or run.cell.id in wanted:
            status = cell_status(run, usual_s)
            why = hindrance(run, runs, by_cell) if status.state != "done" else None
            cells.append(replace(status, hindrance=why))
    return cells
