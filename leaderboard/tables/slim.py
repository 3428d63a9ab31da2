"""The board in one CSV file for a spreadsheet: percent, two digits, few columns; the other files keep every digit."""

from __future__ import annotations

from graph_distillery.leaderboard.read.rows import Row
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.comparison import Comparison
from graph_distillery.leaderboard.tables.csv_files import Line, csv_text
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
        "role": row.role,
        "metric": comparison.data.metric,
        "score_percent": _percent(summary.mean if summary else None),
        "low95_percent": _percent(summary.low if summary else None),
        "high95_percent": _percent(summary.high if summary else None),
        "rank": rank_range(standing.rank_low, standing.rank_high).replace("-", " to ") if standing else None,
        "gain_points": _percent(comparison.gain(row)),
        "request_ms": _short(speed.request_ms if speed else None),
        "request_speedup": _short(speedup),
        "parameters": speed.params if speed else None,
        "seeds": len(row.test),
        "status": row.status,
    }


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 2)


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
