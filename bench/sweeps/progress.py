"""How far a running sweep is, kept up with each record; what is shown of it is the command line's."""

from __future__ import annotations

import time
from dataclasses import dataclass

from graph_distillery.bench.records import Record
from graph_distillery.bench.sweeps.cell_run import CellRun
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.plan.plan import TeacherPlan
from graph_distillery.bench.sweeps.store.status import (
    WENT_WELL,
    CellStatus,
    TeacherStatus,
    cell_status,
    teacher_status,
)


@dataclass(frozen=True)
class NewestBest:
    """The last time that a cell's best validation score rose. label: of the cell."""

    score: float
    metric: str
    label: str


@dataclass(frozen=True)
class Totals:
    """The whole plan, each pair done and all.

    share: of all trainings that may be needed, between 0 and 1; left_s: by the clock, None where nothing ended yet.
    """

    cells: tuple[int, int]
    trials: tuple[int, int]
    pruned: int
    reports: tuple[int, int]
    failed: int
    busy: int
    slots: int
    share: float
    left_s: float | None
    best: NewestBest | None


class SweepProgress:
    """Reads a driver; `learn` is to be told of each record once it is on the disk."""

    def __init__(self, driver: Driver) -> None:
        held, runs = driver.store.held, driver.runs
        self.driver = driver
        self.failed = len(held.failed())
        self._began = time.monotonic()
        self._cells = {cell_id: runs.told(cell_id) or cell_status(runs[cell_id]) for cell_id in runs}
        self._teachers = {plan.id: self._teacher(plan) for plan in driver.plan.teachers}
        self._trained_s, self._trainings = held.seconds()
        self._best: NewestBest | None = None

    def learn(self, record: Record) -> None:
        """One more is on the disk."""
        run = self.run_of(record)
        if run is not None:
            self._learn_of_cell(run, record)
        elif record.cell.id in self._teachers:
            plan = next(plan for plan in self.driver.plan.teachers if plan.id == record.cell.id)
            self._teachers[plan.id] = self._teacher(plan)
        if record.supersedes:  # what had failed may have gone well this time
            self.failed = len(self.driver.store.held.failed())
        elif not went_well(record):
            self.failed += 1

    def _teacher(self, plan: TeacherPlan) -> TeacherStatus:
        return teacher_status(plan, self.driver.plan, self.driver.store.held.teachers())

    def _learn_of_cell(self, run: CellRun, record: Record) -> None:
        before, after = self._cells[run.cell.id].best, cell_status(run)
        self._cells[run.cell.id] = after
        if went_well(record) and record.kind in ("trial", "report"):
            self._trained_s += record.timings.train_s
            self._trainings += 1
        if after.best is not None and (before is None or after.best > before):
            self._best = NewestBest(after.best, after.metric, run.cell.label)

    def run_of(self, record: Record) -> CellRun | None:
        """The cell that a record is of; None for a teacher's."""
        return self.driver.runs.get(record.cell.id)

    def cells(self) -> list[CellStatus]:
        """Every cell's progress, in the plan's order."""
        return list(self._cells.values())

    def elapsed(self) -> float:
        """Seconds since the driver began."""
        return time.monotonic() - self._began

    def running(self, cell_id: str) -> int:
        """Jobs of a cell that are under way."""
        return self.driver.under_way()[cell_id]

    def totals(self) -> Totals:
        """The whole plan, now."""
        cells, teachers = self.cells(), list(self._teachers.values())
        seeds = len(self.driver.plan.spec.search.seeds)
        left = sum(cell.trainings_left for cell in cells) + sum(max(t.total - t.done - t.failed, 0) for t in teachers)
        done = sum(cell.trials_done * seeds + cell.reports_done for cell in cells) + sum(t.done for t in teachers)
        slots = max(self.driver.slots, 1)
        return Totals(
            cells=(sum(cell.state == "done" for cell in cells), len(cells)),
            trials=(sum(cell.trials_done for cell in cells), sum(cell.trials_total for cell in cells)),
            pruned=sum(cell.pruned for cell in cells),
            reports=(sum(cell.reports_done for cell in cells), sum(cell.reports_total for cell in cells)),
            failed=self.failed,
            busy=min(sum(self.driver.under_way().values()), slots),
            slots=slots,
            share=done / (done + left) if done + left else 1.0,
            left_s=self._left(cells, teachers, slots),
            best=self._best,
        )

    def _left(self, cells: list[CellStatus], teachers: list[TeacherStatus], slots: int) -> float | None:
        usual = self._trained_s / self._trainings if self._trainings else None
        seconds = 0.0
        for cell in cells:
            own = cell.seconds_left
            if own is None and usual is None:
                return None
            seconds += own if own is not None else cell.trainings_left * (usual or 0.0)
        seconds += sum(teacher.seconds_left or 0.0 for teacher in teachers)
        pace = self.driver.pace.wall_s()
        return seconds / slots if pace is None else seconds * pace


def went_well(record: Record) -> bool:
    """Whether what the record tells is no failure."""
    return record.status in WENT_WELL
