"""What a sweep came to: per cell the locked configuration, its validation score, and its report."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph_distillery.bench.records import Record
from graph_distillery.bench.sweeps.cell_run import CellRun
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.plan.plan import Cell
from graph_distillery.bench.sweeps.store.status import ParetoPoint, hindrance, pareto_set

_MOST_FAILURES = 10


@dataclass(frozen=True)
class Reported:
    """Report runs of one configuration. selection: default, tuned, both, or ablated; std: of the sample, 0 for one
    seed."""

    selection: str
    metric: str
    mean: float
    std: float
    seeds: tuple[int, ...]
    parts: Mapping[str, float]


@dataclass(frozen=True)
class CellOutcome:
    """One cell. locked: the winning configuration, or the fixed one where nothing was searched; None without one.

    hindrance: why it is not finished. left: why it was left for later, where there is a budget of time.
    """

    identity: Mapping[str, Any]
    label: str
    finished: bool
    trials: int
    locked: Mapping[str, Any] | None
    tuned: tuple[str, ...]
    validation: float | None
    reports: tuple[Reported, ...]
    pareto: tuple[ParetoPoint, ...] = ()
    hindrance: str | None = None
    left: str | None = None

    @property
    def headline(self) -> Reported | None:
        """The tuned configuration's report, else the default's."""
        rows = [each for each in self.reports if each.selection != "ablated"]
        return max(rows, key=lambda each: each.selection != "default", default=None)

    def of(self, selection: str) -> Reported | None:
        """The report of a configuration that is not also another."""
        return next((each for each in self.reports if each.selection == selection), None)


@dataclass(frozen=True)
class Failure:
    """A run that did not end well. cell: its label; trial: its number, None where it is of no search."""

    cell: str
    kind: str
    trial: int | None
    seed: int
    status: str
    error: str | None


@dataclass(frozen=True)
class SweepOutcome:
    """A store after a run of the driver. new: records of this run, of `records` in all; seconds: that it took.

    failures: of any run. settled: what had failed and, though all was to be tried again, is left; by cell: how often.
    """

    store: Path
    plan_id: str
    new: int
    records: int
    seconds: float
    cells: tuple[CellOutcome, ...]
    failures: tuple[Failure, ...]
    settled: Mapping[str, int]

    @property
    def ok(self) -> bool:
        """Whether every cell is finished, but those that are left for later, and nothing failed."""
        return not self.failures and all(cell.finished or cell.left for cell in self.cells)


def outcome_of(driver: Driver, seconds: float) -> SweepOutcome:
    """Gather it from the driver's records."""
    plan, store = driver.plan, driver.store
    trained: dict[str, list[Record]] = defaultdict(list)
    for record in store.held.teachers():
        trained[record.cell.id].append(record)
    cells = tuple(_cell(run, driver, trained) for run in driver.runs.in_passing())
    failed = store.held.failed()
    left = (driver.runs[record.cell.id].cell.label for record in failed if record.cell.id in driver.settled)
    failures = tuple(_failure(record, driver) for record in failed if record.cell.id not in driver.settled)
    return SweepOutcome(store.path, plan.id, store.appended, len(store.held), seconds, cells, failures, Counter(left))


def identity(cell: Cell) -> dict[str, Any]:
    """What names a cell."""
    return {
        "id": cell.id,
        "label": cell.label,
        "dataset": cell.data.dataset,
        "split": cell.data.split,
        "setting": cell.data.setting,
        "teacher": cell.teacher,
        "student": cell.student,
        "method": cell.method.name,
        "variant": cell.variant,
    }


def _cell(run: CellRun, driver: Driver, trained: Mapping[str, Sequence[Record]]) -> CellOutcome:
    finished = driver.finished(run)
    left = driver.allowance.why_not(run.cell.id) if driver.allowance is not None and not finished else None
    winner = run.locked() if run.budget and run.searched else None
    locked = winner.configuration if winner else run.cell.defaults if not run.budget else None
    return CellOutcome(
        identity=identity(run.cell),
        label=run.cell.label,
        finished=finished,
        trials=len(run.begun),
        locked=dict(locked) if locked is not None else None,
        tuned=tuple(run.cell.space.parameters) if run.budget else (),
        validation=winner.mean if winner else _validation(run),
        reports=tuple(_reports(run)),
        pareto=pareto_set(run),
        hindrance=None if finished or left else hindrance(run, driver.runs, trained),
        left=left,
    )


def _validation(run: CellRun) -> float | None:
    """Without a search: the report runs' own validation."""
    own = (record for (selection, _), record in run.reports.items() if selection != "ablated")
    scores = [r.metrics.val[r.cell.metric] for r in own if r.status == "ok"]
    return statistics.fmean(scores) if scores and not run.budget else None


def _reports(run: CellRun) -> list[Reported]:
    found = []
    for selection in ("default", "both", "tuned", "ablated"):
        records = [r for (name, _), r in sorted(run.reports.items()) if name == selection and r.metrics.test]
        if not records:
            continue
        tests = [r.metrics.test or {} for r in records]
        metric = records[0].cell.metric
        values = [test[metric] for test in tests]
        parts = {name: statistics.fmean(test[name] for test in tests) for name in tests[0]}
        std = statistics.stdev(values) if len(values) > 1 else 0.0
        seeds = tuple(record.seed for record in records)
        found.append(Reported(selection, metric, statistics.fmean(values), std, seeds, parts))
    return found


def _failure(record: Record, driver: Driver) -> Failure:
    run = driver.runs.get(record.cell.id)
    label = run.cell.label if run else f"{record.cell.dataset}/{record.cell.split} {record.cell.student} [teacher]"
    trial = record.search.trial if record.search else None
    return Failure(label, record.kind, trial, record.seed, record.status, record.error)
