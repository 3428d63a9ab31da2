"""A running sweep, as seen: a bar on a terminal, a line per finished training in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bench.cli import interrupts
from bench.cli.text import duration, note, score
from bench.records import Record
from bench.sweeps.cell_run import CellRun
from bench.sweeps.status import CellStatus, cell_status

if TYPE_CHECKING:
    from bench.sweeps.driver import Driver


class Progress:
    """Told of each record by the driver. `quiet` shows nothing but still keeps count."""

    def __init__(self, *, bar: bool | None = None) -> None:
        self.driver: Driver | None = None
        self.failed = 0
        self._bar: Any = None
        self._wants_bar = sys.stderr.isatty() if bar is None else bar
        self._task: Any = None
        self._began = time.monotonic()
        self._cells: dict[str, CellStatus] = {}

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def attach(self, driver: Driver) -> Any:
        """What `run_sweep` calls with its driver; returns the listener."""
        self.driver = driver
        self._began = time.monotonic()
        self._cells = {cell_id: cell_status(run) for cell_id, run in driver.runs.items()}
        self.failed = sum(record.status not in ("ok", "pruned") for record in driver.store.records)
        if self._wants_bar:
            self._start_bar()
        return self.record

    def message(self, text: str) -> None:
        """Something that the store has to say."""
        note(text)

    def record(self, record: Record) -> None:
        """One more is on the disk."""
        interrupts.check()
        assert self.driver is not None
        bad = record.status not in ("ok", "pruned")
        self.failed += bad
        run = self.driver.runs.get(record.cell.id)
        if run is not None:
            self._cells[record.cell.id] = cell_status(run)
        if self._bar is not None:
            self._update_bar(run)
        elif record.kind != "speed" or bad:
            note(f"{duration(time.monotonic() - self._began):>12}  {describe(record, run)}")

    # -- the bar -----------------------------------------------------------------------------------------------

    def _start_bar(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            TextColumn("{task.fields[cells]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[trials]}  {task.fields[failed]}  {task.fields[best]}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        fields = {"cells": "", "trials": "", "failed": "", "best": ""}
        self._task = self._bar.add_task("sweep", **fields)
        self._bar.start()
        self._update_bar(None)

    def _update_bar(self, run: CellRun | None) -> None:
        cells = list(self._cells.values())
        trials = sum(cell.trials_done for cell in cells), sum(cell.trials_total for cell in cells)
        reports = sum(cell.reports_done for cell in cells), sum(cell.reports_total for cell in cells)
        best = ""
        if run is not None and (status := self._cells[run.cell.id]).best is not None:
            best = f"{run.cell.label}: best {score(status.best)}"
        self._bar.update(
            self._task,
            completed=trials[0] * len(self.driver.plan.spec.search.seeds) + reports[0] if self.driver else 0,
            total=trials[1] * len(self.driver.plan.spec.search.seeds) + reports[1] if self.driver else None,
            cells=f"cells {sum(cell.state == 'done' for cell in cells)}/{len(cells)}",
            trials=f"trials {trials[0]}/{trials[1]}  reports {reports[0]}/{reports[1]}",
            failed=f"{self.failed} failed",
            best=best,
        )


def describe(record: Record, run: CellRun | None) -> str:
    """`digits-knn/cpf sage->mlp kd  trial 3/6 seed 100: validation accuracy 0.9312, 0.8 s`."""
    cell = record.cell
    label = run.cell.label if run else f"{cell.dataset}/{cell.split} {cell.student} [teacher]"
    what = f"seed {record.seed}"
    if record.kind == "trial" and record.search is not None and record.search.trial is not None:
        what = f"trial {record.search.trial + 1}/{record.search.trials} seed {record.seed}"
    elif record.kind != "teacher" and record.search is not None:
        what = f"{record.kind} ({_selection(record)}) seed {record.seed}"
    if record.status not in ("ok", "pruned"):
        return f"{label}  {what}: {record.status.upper()}: {' '.join((record.error or '').split())}"
    part, scores = ("test", record.metrics.test) if record.metrics.test else ("validation", record.metrics.val)
    stopped = ", pruned" if record.status == "pruned" else ""
    result = f"{part} {cell.metric} {score(scores.get(cell.metric))}, {record.timings.train_s:.2f} s"
    return f"{label}  {what}: {result}{stopped}"


def _selection(record: Record) -> str:
    selection = record.search.selection if record.search else None
    return {"both": "default = tuned"}.get(selection or "", selection or "")
