"""Gains that papers print, beside those of a board, where every method has one budget."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from graph_distillery.leaderboard.findings.gains import compared, ranked, same_runs
from graph_distillery.leaderboard.read.rows import Row
from graph_distillery.leaderboard.statistics import PairedTest, holm, paired_test
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.comparison import Comparison

Verdict = Literal["holds", "smaller", "nothing measurable", "the other way about"]


@dataclass(frozen=True)
class PublishedGain:
    """``gain``: as printed, a fraction; ``test``: ours, tuned less tuned on the same report seeds."""

    table: Comparison
    method: str
    over: str
    source: str
    gain: float
    test: PairedTest

    @property
    def verdict(self) -> Verdict:
        """A gain of ours that is not clearly there is nothing measurable; one that is clearly there holds where its
        interval reaches what is printed, or lies above."""
        if not self.test.significant:
            return "nothing measurable"
        if self.test.difference * (self.gain or 1) < 0:
            return "the other way about"
        high = self.test.difference if self.test.high is None else self.test.high
        return "holds" if high >= self.gain else "smaller"


@lru_cache(maxsize=1)
def printed() -> tuple[dict[str, Any], ...]:
    """The entries of `published.json`: method, over, student, and gains in points by dataset.

    A gain is the difference of two ``rows`` of one ``table`` of `bench/papers`; a row of linkdist's on Planetoid's
    graphs reads row-normalised features.
    """
    return tuple(json.loads(Path(__file__).with_name("published.json").read_text(encoding="utf-8")))


def published_gains(board: Board) -> list[PublishedGain]:
    """Of every transductive table of accuracies that has both rows complete; p adjusted by Holm over all of them."""
    found = [each for entry in printed() for each in _of(board, entry)]
    told = [place for place, each in enumerate(found) if each.test.p is not None]
    for place, p in zip(told, holm([found[place].test.p or 0.0 for place in told]), strict=True):
        found[place] = replace(found[place], test=replace(found[place].test, p_holm=p))
    return found


def _of(board: Board, entry: dict[str, Any]) -> Iterator[PublishedGain]:
    """One of each two rows: where the same runs of both stand in several tables, that of the first."""
    seen = set()
    for table in board.comparisons:
        data = table.data
        fits = (data.setting, data.metric, table.student) == ("transductive", "accuracy", entry["student"])
        if not fits or data.dataset not in entry["gains"]:
            continue
        rows = {row.key.name: row for row in ranked(table) if row.headline and row.headline.selection == "tuned"}
        ours, theirs = rows.get(entry["method"]), rows.get(entry["over"])
        if ours is None or theirs is None or (runs := (same_runs(ours), same_runs(theirs))) in seen:
            continue
        test = _apart(table, ours, theirs)
        if test is not None:
            seen.add(runs)
            gain = entry["gains"][data.dataset] / 100
            yield PublishedGain(table, entry["method"], entry["over"], entry["table"], gain, test)


def _apart(table: Comparison, ours: Row, theirs: Row) -> PairedTest | None:
    """By predictions, where the table's tests go by them."""
    one, other = ({seed: row.test[seed] for seed in table.shared_seeds} for row in (ours, theirs))
    if not table.drawn:
        return compared(table, one, other)
    drawn = table.drawn[ours.key] - table.drawn[theirs.key]
    return paired_test(one, other, "items_bootstrap", None, table.sampling, drawn)
