"""A running sweep, as shown: one live table on a terminal, sparse lines in a log, or nothing."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from graph_distillery.bench.cli import interrupts
from graph_distillery.bench.cli.live_table import live, totals_line
from graph_distillery.bench.cli.terminal import note
from graph_distillery.bench.records import Record
from graph_distillery.bench.sweeps.cell_run import CellRun
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.progress import SweepProgress, Totals, went_well
from graph_distillery.bench.text import duration

#: A log gets a line after this many seconds, or after this share of the plan, whichever comes first.
LINE_EVERY_S, LINE_EVERY_SHARE = 30.0, 0.05


class ProgressDisplay:
    """Told of each record by the driver. `quiet` shows failures alone; `bar` asks for the table, or for none."""

    def __init__(self, *, quiet: bool = False, bar: bool | None = None) -> None:
        self.sweep: SweepProgress | None = None
        self._quiet = quiet
        self._wants_bar = (sys.stderr.isatty() if bar is None else bar) and not quiet
        self._live: Any = None
        self._said_at = time.monotonic()
        self._summed_at = self._said_share = 0.0

    def __enter__(self) -> ProgressDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        elif kind is None and self.sweep is not None:
            self._say(self.sweep, self.sweep.totals())

    def attach(self, driver: Driver) -> Any:
        """What `run_sweep` calls with its driver; returns the listener."""
        self.sweep = SweepProgress(driver)
        self._said_at = time.monotonic()
        self._said_share = self.sweep.totals().share
        if self._wants_bar:
            self._live = live(self.sweep)
            self._live.start()
        return self.record

    def message(self, text: str) -> None:
        """Something that the store has to say."""
        note(text)

    def record(self, record: Record) -> None:
        """One more is on the disk."""
        interrupts.check()
        assert self.sweep is not None
        self.sweep.learn(record)
        if not went_well(record):
            note(f"{duration(self.sweep.elapsed()):>12}  {describe(record, self.sweep.run_of(record))}")
        if self._live is None and not self._quiet:
            self._perhaps_say(self.sweep)

    def _perhaps_say(self, sweep: SweepProgress) -> None:
        now = time.monotonic()
        if not self._due(now):
            return
        self._summed_at, totals = now, sweep.totals()
        if now - self._said_at >= LINE_EVERY_S or totals.share - self._said_share >= LINE_EVERY_SHARE:
            self._said_at, self._said_share = now, totals.share
            self._say(sweep, totals)

    def _due(self, now: float) -> bool:
        """A sum over thousands of cells, and a line, at most once a second."""
        return now - max(self._summed_at, self._said_at) >= 1.0

    def _say(self, sweep: SweepProgress, totals: Totals) -> None:
        if not self._quiet:
            note(f"{duration(sweep.elapsed()):>12}  {totals_line(totals)}")


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
