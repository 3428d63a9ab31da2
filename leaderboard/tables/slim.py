"""The board in one CSV file for a spreadsheet: percent, two digits, few columns; the other files keep every digit."""

from __future__ import annotations

from graph_distillery.leaderboard.read.rows import Row
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.comparison import Comparison
from graph_distillery.leaderboard.tables.csv_files import Line, csv_text
from graph_distillery.leaderboard.tables.worth import verdict
from graph_distillery.leaderboard.text import rank_range


def slim_csv(board: Board) -> str:
    """A line per row of every comparison, as its headline configuration stands; empty where there is nothing."""
    return csv_text([_line(comparison, row) for comparison in board.comparisons for row in comparison.rows])


def _line(comparison: Comparison, row: Row) -> Line:
    machine = comparison.fingerprints[0] if comparison.fingerprints else ""
    summary, standing, speed = row.summary, comparison.standings.get(row.key), row.speed.get(machine)
    speedup = comparison.speedup(row, machine, request=True) if machine else None
    return {
        **({"track": comparison.track} if comparison.track else {}),
        "dataset": comparison.data.dataset,
        "split": comparison.data.split,
        "setting": comparison.data.setting,
        "teacher": comparison.teacher,
        "student": comparison.student,
        "method": row.key.name,
        **({"sender": row.key.sender} if row.key.sender else {}),
        "role": row.role,
        "metric": comparison.data.metric,
        "score_percent": _percent(summary.mean if summary else None),
        "low95_percent": _percent(summary.low if summary else None),
        "high95_percent": _percent(summary.high if summary else None),
        "rank": rank_range(standing.rank_low, standing.rank_high).replace("-", " to ") if standing else None,
        "gain_points": _percent(comparison.gain(row)),
        **_own_term(comparison, row),
        "request_ms": _short(speed.request_ms if speed else None),
        "request_low95_ms": _short(speed.request_low if speed else None),
        "request_high95_ms": _short(speed.request_high if speed else None),
        "rounds": speed.rounds if speed else None,
        "request_speedup": _short(speedup),
        "parameters": speed.params if speed else None,
        "seeds": len(row.test),
        "status": row.status,
    }


def _own_term(comparison: Comparison, row: Row) -> Line:
    """What the method's own term is worth, where a row of the table was measured without it."""
    if not any("ablated" in each.results for each in comparison.rows):
        return {}
    test = comparison.own_term(row)
    return {
        "own_term_points": _percent(test.difference if test else None),
        "own_term_low95_points": _percent(test.low if test else None),
        "own_term_high95_points": _percent(test.high if test else None),
        "own_term_verdict": verdict(test) or None if test else None,
    }


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 2)


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
