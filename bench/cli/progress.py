"""A running sweep, as seen: one live table on a terminal, sparse lines in a log, or nothing."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from graph_distillery.bench.cli import interrupts
from graph_distillery.bench.records import Record
from graph_distillery.bench.sweeps.cell_run import CellRun
from graph_distillery.bench.sweeps.store.status import CellStatus, TeacherStatus, cell_status, teacher_status
from graph_distillery.bench.text import count, duration, note, score

if TYPE_CHECKING:
    from graph_distillery.bench.sweeps.driver import Driver

#: A log gets a line after this many seconds, or after this part of the plan, whichever comes first.
LINE_EVERY_S, LINE_EVERY_PART = 30.0, 0.05


@dataclass(frozen=True)
class Totals:
    """The whole plan in one line. part: of all trainings that may be needed, between 0 and 1; left_s: by the clock."""

    cells: tuple[int, int]
    trials: tuple[int, int]
    pruned: int
    reports: tuple[int, int]
    failed: int
    busy: int
    slots: int
    part: float
    left_s: float | None
    best: str

    def line(self) -> str:
        """`cells 1/5, trials 12/120 (3 pruned), reports 4/50, 0 failed, 2 of 2 slots busy, about 12 min left; ...`."""
        pruned = f" ({self.pruned} pruned)" if self.pruned else ""
        left = f"about {duration(self.left_s)} left" if self.left_s is not None else "time left unknown"
        parts = [
            f"cells {self.cells[0]}/{self.cells[1]}",
            f"trials {self.trials[0]}/{self.trials[1]}{pruned}",
            f"reports {self.reports[0]}/{self.reports[1]}",
            f"{self.failed} failed",
            f"{self.busy} of {count(self.slots, 'slot')} busy",
            left,
        ]
        return ", ".join(parts) + (f"; {self.best}" if self.best else "")


class Progress:
    """Told of each record by the driver. `quiet` shows failures alone; `bar` asks for the table, or for none."""

    def __init__(self, *, quiet: bool = False, bar: bool | None = None) -> None:
        self.driver: Driver | None = None
        self.failed = 0
        self._quiet = quiet
        self._wants_bar = (sys.stderr.isatty() if bar is None else bar) and not quiet
        self._live: Any = None
        self._began = self._said_at = time.monotonic()
        self._summed_at = self._said_part = 0.0
        self._cells: dict[str, CellStatus] = {}
        self._teachers: dict[str, TeacherStatus] = {}
        self._train_s: list[float] = []
        self._best = ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        elif kind is None and self.driver is not None:
            self._say(self.totals())

    def attach(self, driver: Driver) -> Any:
        """What `run_sweep` calls with its driver; returns the listener."""
        self.driver = driver
        self._began = self._said_at = time.monotonic()
        self._cells = {cell_id: cell_status(run) for cell_id, run in driver.runs.items()}
        records = driver.store.records
        self._teachers = {plan.id: teacher_status(plan, driver.plan, records) for plan in driver.plan.teachers}
        self._train_s = [r.timings.train_s for r in records if r.kind in ("trial", "report") and _good(r)]
        self.failed = sum(not _good(record) for record in records)
        self._said_part = self.totals().part
        if self._wants_bar:
            from graph_distillery.bench.cli.live_table import live

            self._live = live(self)
            self._live.start()
        return self.record

    def message(self, text: str) -> None:
        """Something that the store has to say."""
        note(text)

    def record(self, record: Record) -> None:
        """One more is on the disk."""
        interrupts.check()
        assert self.driver is not None
        run = self.driver.runs.get(record.cell.id)
        if run is not None:
            self._learn(run, record)
        elif record.cell.id in self._teachers:
            plan = next(plan for plan in self.driver.plan.teachers if plan.id == record.cell.id)
            self._teachers[plan.id] = teacher_status(plan, self.driver.plan, self.driver.store.records)
        if record.supersedes:  # what had failed may have gone well this time
            self.failed = sum(not _good(each) for each in self.driver.store.records)
        elif not _good(record):
            self.failed += 1
        if not _good(record):
            note(f"{duration(time.monotonic() - self._began):>12}  {describe(record, run)}")
        if self._live is None:
            self._perhaps_say()

    def _learn(self, run: CellRun, record: Record) -> None:
        before, after = self._cells[run.cell.id].best, cell_status(run)
        self._cells[run.cell.id] = after
        if _good(record) and record.kind in ("trial", "report"):
            self._train_s.append(record.timings.train_s)
        if after.best is not None and (before is None or after.best > before):
            self._best = f"newest best {score(after.best)} {after.metric}, {run.cell.label}"

    # -- what there is to say ------------------------------------------------------------------------------------

    def cells(self) -> list[CellStatus]:
        """Every cell's progress, in the plan's order."""
        return list(self._cells.values())

    def elapsed(self) -> float:
        return time.monotonic() - self._began

    def running(self, cell_id: str) -> int:
        """Jobs of a cell that are under way."""
        return self.driver.under_way()[cell_id] if self.driver else 0

    def totals(self) -> Totals:
        """The whole plan, now."""
        assert self.driver is not None
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
            part=done / (done + left) if done + left else 1.0,
            left_s=self._left(cells, teachers, slots),
            best=self._best,
        )

    def _left(self, cells: list[CellStatus], teachers: list[TeacherStatus], slots: int) -> float | None:
        usual = sum(self._train_s) / len(self._train_s) if self._train_s else None
        seconds = 0.0
        for cell in cells:
            own = cell.seconds_left
            if own is None and usual is None:
                return None
            seconds += own if own is not None else cell.trainings_left * (usual or 0.0)
        seconds += sum(teacher.seconds_left or 0.0 for teacher in teachers)
        return seconds / slots

    def _perhaps_say(self) -> None:
        now = time.monotonic()
        if self._quiet:
            return
        if not self._due(now):
            return
        self._summed_at, totals = now, self.totals()
        if now - self._said_at >= LINE_EVERY_S or totals.part - self._said_part >= LINE_EVERY_PART:
            self._said_at, self._said_part = now, totals.part
            self._say(totals)

    def _due(self, now: float) -> bool:
        """A sum over thousands of cells, and a line, at most once a second."""
        return now - max(self._summed_at, self._said_at) >= 1.0

    def _say(self, totals: Totals) -> None:
        if not self._quiet:
            note(f"{duration(self.elapsed()):>12}  {totals.line()}")


def _good(record: Record) -> bool:
    return record.status in ("ok", "pruned")


def describe(record: Record, run: CellRun | None) -> str:
    """`digits-knn/cpf sage->mlp kd  trial 3/6 seed 100: FAILED: ValueError: ...`, for what did not end well."""
    cell = record.cell
    label = run.cell.label if run else f"{cell.dataset}/{cell.split} {cell.student} [teacher]"
    what = f"seed {record.seed}"
    if record.kind == "trial" and record.search is not None and record.search.trial is not None:
        what = f"trial {record.search.trial + 1}/{record.search.trials} seed {record.seed}"
    elif record.kind != "teacher" and record.search is not None:
        selection = record.search.selection or ""
        what = f"{record.kind} ({'default = tuned' if selection == 'both' else selection}) seed {record.seed}"
    return f"{label}  {what}: {record.status.upper()}: {' '.join((record.error or '').split())}"
