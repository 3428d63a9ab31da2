"""What a sweep came to: per cell the locked configuration, its validation score, and its report."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graph_distillery.bench.records import Record
from graph_distillery.bench.sweeps.cell_run import CellRun
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.plan.plan import Cell
from graph_distillery.bench.sweeps.store.status import ParetoPoint, hindrance, pareto_set
from graph_distillery.bench.sweeps.sweep import Summary
from graph_distillery.bench.text import count, duration, score, settings, table

_MOST_FAILURES = 10


@dataclass(frozen=True)
class Reported:
    """Report runs of one configuration. selection: default, tuned, or both; std: of the sample, 0 for one seed."""

    selection: str
    metric: str
    mean: float
    std: float
    seeds: tuple[int, ...]
    parts: Mapping[str, float]


@dataclass(frozen=True)
class CellOutcome:
    """One cell. locked: the winning configuration, or the fixed one where nothing was searched; None without one.

    hindrance: why it is not finished.
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

    @property
    def headline(self) -> Reported | None:
        """The tuned configuration's report, else the default's."""
        return max(self.reports, key=lambda each: each.selection != "default", default=None)


@dataclass(frozen=True)
class SweepOutcome:
    """A store after a run of the driver. settled: what had failed and is left, by cell: how often."""

    store: Path
    plan_id: str
    new: int
    records: int
    seconds: float
    cells: tuple[CellOutcome, ...]
    failures: tuple[Mapping[str, Any], ...]
    settled: Mapping[str, int]


def outcome_of(driver: Driver, summary: Summary, seconds: float) -> SweepOutcome:
    """Gather it from the driver's records."""
    cells = tuple(_cell(run, driver) for run in driver.runs.values())
    settled = Counter(driver.runs[record.cell.id].cell.label for record in summary.settled)
    failures = tuple(_failure(record, driver) for record in summary.failed)
    plan, store = driver.plan, driver.store
    return SweepOutcome(store.path, plan.id, summary.new, len(store.records), seconds, cells, failures, settled)


def identity(cell: Cell) -> dict[str, Any]:
    """What names a cell."""
    return {
        "id": cell.id,
        "label": cell.label,
        "dataset": cell.data.dataset,
        "split": cell.data.split,
        "setting": cell.data.setting,
        "teacher": cell.teacher.model if cell.teacher else None,
        "student": cell.student,
        "method": cell.method.name,
        "variant": cell.variant,
    }


def _cell(run: CellRun, driver: Driver) -> CellOutcome:
    finished = driver.finished(run)
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
        hindrance=None if finished else hindrance(run, driver.runs, driver.store.records),
    )


def _validation(run: CellRun) -> float | None:
    """Without a search: the report runs' own validation."""
    scores = [r.metrics.val[r.cell.metric] for r in run.reports.values() if r.status == "ok"]
    return statistics.fmean(scores) if scores and not run.budget else None


def _reports(run: CellRun) -> list[Reported]:
    found = []
    for selection in ("default", "both", "tuned"):
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


def _failure(record: Record, driver: Driver) -> dict[str, Any]:
    run = driver.runs.get(record.cell.id)
    return {
        "cell": run.cell.label if run else f"{record.cell.dataset}/{record.cell.split} {record.cell.student} [teacher]",
        "kind": record.kind,
        "trial": record.search.trial if record.search else None,
        "seed": record.seed,
        "status": record.status,
        "error": record.error,
    }


def as_text(done: SweepOutcome) -> str:
    """A row per cell, the failures, and one closing line."""
    lines = [table(("cell", "locked", "validation", "test", "seeds"), [_row(cell) for cell in done.cells])]
    for failure in done.failures[:_MOST_FAILURES]:
        trial = f" trial {failure['trial'] + 1}" if failure["trial"] is not None else ""
        lines.append(
            f"failed: {failure['cell']}, {failure['kind']}{trial} seed {failure['seed']}: "
            f"{failure['status']}: {failure['error']}"
        )
    if len(done.failures) > _MOST_FAILURES:
        lines.append(f"and {count(len(done.failures) - _MOST_FAILURES, 'failure')} more, in {done.store}/records")
    for label, times in done.settled.items():
        lines.append(
            f"left as it is: {label}, {count(times, 'failure')}: its teacher is trained, and cells stand on it"
        )
    unfinished = [cell for cell in done.cells if not cell.finished]
    lines += [f"not finished: {cell.label}" + (f": {cell.hindrance}" if cell.hindrance else "") for cell in unfinished]
    fresh = f"{count(done.new, 'new record')} in {duration(done.seconds)}" if done.new else "nothing was left to do"
    lines.append(f"{done.store}: {count(done.records, 'record')}, {fresh}")
    return "\n".join(lines)


def _row(cell: CellOutcome) -> tuple[str, ...]:
    head = cell.headline
    shown = _short({name: value for name, value in (cell.locked or {}).items() if name in cell.tuned})
    locked = settings(shown) if shown else "-" if cell.locked is None else "(fixed)"
    default = next((each for each in cell.reports if each.selection == "default"), None)
    test = "-" if head is None else f"{score(head.mean)} ± {score(head.std)} {head.metric}"
    if head is not None and default is not None and head is not default:
        test += f" (default {score(default.mean)})"
    return (cell.label, locked, score(cell.validation), test, str(len(head.seeds)) if head else "0")


def _short(values: Mapping[str, Any]) -> dict[str, Any]:
    """`lr` for `student.lr`, where no two names become one."""
    short = {name.partition(".")[2]: value for name, value in values.items()}
    return short if len(short) == len(values) else dict(values)


def as_json(done: SweepOutcome) -> dict[str, Any]:
    """The same, for programs; every number in full."""
    cells = []
    for cell in done.cells:
        reports = [{**asdict(each), "seeds": list(each.seeds)} for each in cell.reports]
        cells.append(
            {
                **cell.identity,
                "finished": cell.finished,
                "hindrance": cell.hindrance,
                "trials": cell.trials,
                "locked": cell.locked,
                "validation": cell.validation,
                "reports": reports,
                "pareto": [asdict(point) for point in cell.pareto],
            }
        )
    return {
        "store": str(done.store),
        "plan": done.plan_id,
        "records": done.records,
        "new_records": done.new,
        "seconds": done.seconds,
        "cells": cells,
        "failures": [dict(failure) for failure in done.failures],
        "settled": dict(done.settled),
    }
