"""The board's CSV files, in full precision; fractions in [0, 1], milliseconds, MiB."""

from __future__ import annotations

import csv
import io
import unicodedata

from leaderboard.board import Board
from leaderboard.comparison import Comparison
from leaderboard.text import visible

Value = str | int | float | bool | None


def csv_files(board: Board) -> dict[str, str]:
    """File name to content: overall.csv, one per comparison, and one of speeds where any were measured."""
    files = {"overall.csv": _csv(_overall(board))}
    for comparison in board.comparisons:
        files[f"{comparison.slug}.csv"] = _csv(_scores(comparison))
        if comparison.fingerprints:
            files[f"{comparison.slug}-speed.csv"] = _csv(_speed(comparison))
    return files


def _overall(board: Board) -> list[dict[str, Value]]:
    rows: list[dict[str, Value]] = []
    for overall in board.overall:
        family: dict[str, Value] = {
            "task": overall.task,
            "setting": overall.setting,
            "teacher": overall.teacher,
            "student": overall.student,
            "comparisons": len(overall.comparisons),
        }
        rows += [
            family
            | {
                "method": row.key.method,
                "variant": row.key.variant,
                "status": "complete",
                "mean_rank": row.mean_rank,
                "mean_gain": row.gain,
                "mean_gap_closed": row.gap_closed,
                "speedup_geometric_mean": row.speedup,
                "fingerprint": overall.fingerprint if row.speedup is not None else None,
            }
            for row in overall.rows
        ]
        rows += [
            family | {"method": key.method, "variant": key.variant, "status": "; ".join(gaps)}
            for key, gaps in overall.partial.items()
        ]
    return rows


def _scores(comparison: Comparison) -> list[dict[str, Value]]:
    """One line per row and configuration; rank, gain and gap closed belong to the headline configuration."""
    ranks = comparison.ranks()
    lines: list[dict[str, Value]] = []
    for row in comparison.rows:
        for result in row.results.values():
            headline = result is row.headline
            test, val = result.summary, result.validation
            lines.append(
                {
                    "dataset": comparison.data.dataset,
                    "dataset_sha256": comparison.data.dataset_sha256,
                    "split": comparison.data.split,
                    "setting": comparison.data.setting,
                    "metric": comparison.data.metric,
                    "teacher": comparison.teacher,
                    "student": comparison.student,
                    "role": row.role,
                    "method": row.key.method,
                    "variant": row.key.variant,
                    "configuration": result.selection,
                    "status": row.status if headline else None,
                    "seeds": len(result.test),
                    "failed_runs": len(result.failed),
                    "rank": ranks.get(row.key) if headline else None,
                    "test_mean": test.mean if test else None,
                    "test_std": test.std if test else None,
                    "test_low95_t": test.low if test else None,
                    "test_high95_t": test.high if test else None,
                    "tran_mean": result.part("tran"),
                    "ind_mean": result.part("ind"),
                    "val_mean": val.mean if val else None,
                    "gain_over_student": comparison.gain(row) if headline else None,
                    "gap_closed": comparison.gap_closed(row) if headline else None,
                    "tuning_gain": comparison.tuning_gain(row) if headline else None,
                    "trials": result.trials,
                    "failed_trials": row.failed_trials,
                }
            )
    return lines


def _speed(comparison: Comparison) -> list[dict[str, Value]]:
    return [
        {
            "fingerprint": fingerprint,
            "role": row.role,
            "method": row.key.method,
            "variant": row.key.variant,
            "full_forward_ms_p50": row.speed[fingerprint].full_forward_ms,
            "full_forward_speedup": comparison.speedup(row, fingerprint),
            "request_ms_p50": row.speed[fingerprint].request_ms,
            "request_speedup": comparison.speedup(row, fingerprint, request=True),
            "params": row.speed[fingerprint].params,
            "macs": row.speed[fingerprint].macs,
            "peak_memory_mb": row.speed[fingerprint].peak_memory_mb,
        }
        for fingerprint in comparison.fingerprints
        for row in comparison.rows
        if fingerprint in row.speed
    ]


def _csv(lines: list[dict[str, Value]]) -> str:
    """Lines as CSV; the columns are those of all lines, in the order met."""
    columns = list(dict.fromkeys(name for line in lines for name in line))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in line.items()} for line in lines)
    return text.getvalue()


def _cell(value: Value) -> Value:
    """Text that a spreadsheet would run as a formula gets a leading quote; numbers keep every digit."""
    if not isinstance(value, str):
        return value
    text = visible(value)
    return f"'{text}" if unicodedata.normalize("NFKC", text).lstrip()[:1] in tuple("=+-@") else text
