"""Which row answers a request best under a latency, over all tables of a dataset; how many others may be as good."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graph_distillery.leaderboard.read.rows import Row
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.comparison import Comparison


@dataclass(frozen=True)
class Timed:
    """The row of the highest mean: its method's name, its model, its mean score, the latency of a request.

    ``model``: empty where the method has no network.
    ``tied``: other rows under the limit whose 95 % interval reaches into its own.
    """

    name: str
    model: str
    score: float
    latency_ms: float
    tied: int


@dataclass(frozen=True)
class TimedData:
    """The tables of a dataset in one split and setting whose requests were timed on one machine.

    machine: its fingerprint. Latencies of two machines are not compared, so that tables timed on another stand apart.
    """

    dataset: str
    split: str
    setting: str
    machine: str
    tables: tuple[Comparison, ...]

    def leader_under(self, limit: float | None) -> Timed | None:
        """Of the complete rows, teachers' too, that take at most so many milliseconds; None where there is none."""
        return _leader_under(self.tables, self.machine, limit)


def timed_data(board: Board) -> list[TimedData]:
    """What was timed, each table on the machine on which most of its requests were, in the board's order."""
    found: dict[tuple[str, str, str, str], list[Comparison]] = {}
    for each in board.comparisons:
        machine = _most_timed_machine(each)
        if machine is not None:
            found.setdefault((each.data.dataset, each.data.split, each.data.setting, machine), []).append(each)
    return [TimedData(*place, tuple(tables)) for place, tables in found.items()]


def _most_timed_machine(table: Comparison) -> str | None:
    counts: dict[str, int] = {}
    for row in table.rows:
        for name, speed in row.speed.items():
            counts[name] = counts.get(name, 0) + (speed.request_ms is not None)
    return min((name for name in counts if counts[name]), key=lambda name: (-counts[name], name), default=None)


def _leader_under(tables: Iterable[Comparison], machine: str, limit: float | None) -> Timed | None:
    fast = [(table, row) for table in tables for row in table.rows if _fast(row, machine, limit)]
    if not fast:
        return None
    table, best = max(fast, key=lambda each: each[1].summary.mean if each[1].summary else 0.0)
    top = best.summary
    assert top is not None
    low = top.mean if top.low is None else top.low
    near = {
        (_model(each, row), row.key.name)
        for each, row in fast
        if row.summary and (row.summary.mean if row.summary.high is None else row.summary.high) >= low
    }
    model = _model(table, best)
    latency = best.speed[machine].request_ms
    assert latency is not None
    return Timed(best.key.name, model, top.mean, latency, len(near - {(model, best.key.name)}))


def _model(table: Comparison, row: Row) -> str:
    if row.role == "teacher":
        return table.teacher or ""
    return "" if row.without_student else table.student


def _fast(row: Row, machine: str, limit: float | None) -> bool:
    speed = row.speed.get(machine)
    known = speed.request_ms if speed else None
    if not row.complete or row.summary is None or row.role == "majority" or known is None:
        return False
    return limit is None or known <= limit
