"""Trains report runs of a store again, drawn at random, and holds their scores against the recorded ones."""

from __future__ import annotations

import math
import random
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graph_distillery.bench.cli.commands.run import Choice, spec_of
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Record, read_records
from graph_distillery.bench.sweeps import preflight
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.leaderboard.read.evidence import Evidence, EvidenceBook
from graph_distillery.methods import METHODS

#: Of the spread of two runs of other seeds; a run of the same seed is far nearer, one that never happened is not.
SPREADS = 2.0
FEWEST_SEEDS = 3


@dataclass(frozen=True)
class Rerun:
    """A report run that was trained again. slack: how far apart the two scores may be; `agrees`: whether they are not
    farther."""

    record: str
    row: str
    seed: int
    recorded: float
    again: float | None
    slack: float

    @property
    def agrees(self) -> bool:
        return self.again is not None and abs(self.again - self.recorded) <= self.slack

    def __str__(self) -> str:
        found = "it failed" if self.again is None else f"{self.again:.4f}"
        verdict = "agrees" if self.agrees else "does not agree"
        return (
            f"{self.row}, seed {self.seed}: recorded {self.recorded:.4f}, again {found}; "
            f"{verdict} (within {self.slack:.4f})"
        )


def rerun(store: Path, count: int, seed: int) -> list[Rerun]:
    """Train `count` report runs of a store again, the same ones for the same `seed`.

    Scores may differ by what two seeds of the row's own do: `SPREADS` deviations of a difference, and one test item at
    least, which another processor's rounding may move.

    Raises:
        UserError: no run can be trained again, or not with what this machine has.
    """
    records = read_records(store).records
    rows: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.kind == "report" and record.status == "ok":
            selection = record.search.selection if record.search else None
            rows.setdefault((record.cell.id, selection or "fixed"), []).append(record)
    fit = [each for runs in rows.values() for each in runs if len(runs) >= FEWEST_SEEDS and _can_be_run(each)]
    if not fit:
        raise UserError(f"{store}: no row of {FEWEST_SEEDS} report seeds or more can be trained again by itself")
    drawn = random.Random(seed).sample(sorted(fit, key=lambda each: each.id), min(count, len(fit)))
    book = EvidenceBook(records)
    spread = {each.id: _slack(each, runs) for runs in rows.values() for each in runs}
    return [_again(each, book.of_runs([each]), spread[each.id]) for each in drawn]


def _can_be_run(record: Record) -> bool:
    """`distillery run` trains a run whose seeds are all one and that nothing of a test label chose; the controls come
    with any method."""
    cell = record.cell
    chosen = cell.test_selected or (cell.method in METHODS and cell.variant in METHODS.get(cell.method).test_selected)
    return record.init_seed is None and cell.method not in ("teacher", "majority") and not chosen


def _slack(record: Record, runs: Sequence[Record]) -> float:
    scores = [_score(each) for each in runs]
    deviation = statistics.stdev(scores) if len(scores) > 1 else 0.0
    one_item = 1 / record.cell.items.test if record.cell.items else 0.0
    return max(SPREADS * math.sqrt(2) * deviation, one_item) + 1e-9


def _score(record: Record) -> float:
    return (record.metrics.test or {})[record.cell.metric]


def _again(record: Record, evidence: Evidence, slack: float) -> Rerun:
    cell = record.cell
    choice = Choice(
        cell.dataset,
        cell.method,
        None if cell.student == "none" else cell.student,
        cell.teacher,
        cell.split,
        None if cell.setting == "graph-level" else cell.setting,  # which follows from the dataset
        cell.variant,
        str(record.seed),
        tuple(evidence.settings),
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "store"
        anew = Means(cache=False)  # the teacher too
        run_sweep(make_plan(spec_of(choice), preflight.data_folder(None)), folder, anew)
        found = [
            each
            for each in read_records(folder, kinds=["report"]).records
            if (each.cell.method, each.cell.variant, each.cell.student) == (cell.method, cell.variant, cell.student)
        ]
    for each in found:
        if each.cell.dataset_sha256 != cell.dataset_sha256:
            raise UserError(f"{cell.dataset}: the data here are not those of the store")
    again = next((_score(each) for each in found if each.status == "ok"), None)
    where = f"{cell.dataset}/{cell.split} {cell.method} on {cell.student}"
    return Rerun(record.id, where, record.seed, _score(record), again, slack)
