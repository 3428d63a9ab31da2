"""The board as one JSON document, ``leaderboard.json``: every number of the pages and what stands behind it.

Scores, gains and shares are fractions, latencies milliseconds, memory MiB. A value that does not exist is null. The
version grows when a field is renamed or removed, or changes its meaning; new fields do not change it.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from leaderboard.board import Board
from leaderboard.comparison import Comparison
from leaderboard.evidence import EvidenceBook
from leaderboard.overall import Overall
from leaderboard.rows import Result, Row, RowKey
from leaderboard.statistics import Summary

DOCUMENT_VERSION = 1

Document = dict[str, Any]


def board_document(board: Board, book: EvidenceBook) -> Document:
    """The whole board as plain values, in the board's order."""
    return {
        "schema": DOCUMENT_VERSION,
        "suite_versions": list(board.suite_versions),
        "warnings": list(board.warnings),
        "machines": {name: e.model_dump() for name, e in board.environments.items()},
        "overall": [_overall(each) for each in board.overall],
        "comparisons": [_comparison(each, book) for each in board.comparisons],
    }


def document_text(document: Document) -> str:
    """The document as the file holds it: one field or value a line, so that differences can be read."""
    return json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _overall(overall: Overall) -> Document:
    return {
        "task": overall.task,
        "setting": overall.setting,
        "teacher": overall.teacher,
        "student": overall.student,
        "comparisons": [each.slug for each in overall.comparisons],
        "machine": overall.fingerprint,
        "rows": [
            {
                **_key(row.key),
                "mean_rank": row.mean_rank,
                "gain": row.gain,
                "gap_closed": row.gap_closed,
                "speedup": row.speedup,
            }
            for row in overall.rows
        ],
        "partial": [{**_key(key), "missing": list(gaps)} for key, gaps in overall.partial.items()],
    }


def _key(key: RowKey) -> Document:
    return {"method": key.method, "variant": key.variant, "fixed": key.fixed, "name": key.name}


def _comparison(comparison: Comparison, book: EvidenceBook) -> Document:
    ranks = comparison.ranks()
    return {
        "slug": comparison.slug,
        **asdict(comparison.data),
        "teacher": comparison.teacher,
        "student": comparison.student,
        "rows": [_row(comparison, row, ranks.get(row.key), book) for row in comparison.rows],
    }


def _row(comparison: Comparison, row: Row, rank: float | None, book: EvidenceBook) -> Document:
    return {
        **_key(row.key),
        "role": row.role,
        "status": row.status,
        "complete": row.complete,
        "rank": rank,
        "gain": comparison.gain(row),
        "gap_closed": comparison.gap_closed(row),
        "tuning_gain": comparison.tuning_gain(row),
        "failed_trials": row.failed_trials,
        "headline": row.headline.selection if row.headline else None,
        "configurations": {name: _result(comparison, row, each, book) for name, each in row.results.items()},
        "speed": {
            name: {
                **asdict(speed),
                "speedup": comparison.speedup(row, name),
                "request_speedup": comparison.speedup(row, name, request=True),
            }
            for name, speed in row.speed.items()
        },
    }


def _result(comparison: Comparison, row: Row, result: Result, book: EvidenceBook) -> Document:
    evidence = book.of(comparison, row, result)
    return {
        "test": _summary(result.summary),
        "validation": _summary(result.validation),
        "parts": {name: result.part(name) for name in result.parts},
        "trials": result.trials,
        "budgets": list(result.budgets),
        "hparams": dict(evidence.hparams),
        "teacher_hparams": dict(evidence.teacher),
        "one_configuration": evidence.one_configuration,
        "command": evidence.command,
        "runs": [
            {
                "split_seed": run.cell.split_seed,
                "seed": run.seed,
                "test": result.test.get((run.cell.split_seed, run.seed)),
                "validation": result.val.get((run.cell.split_seed, run.seed)),
                "record": run.id,
                "store": run.store_id,
                "suite_version": run.suite_version,
                "git_sha": run.git_sha,
                "machine": run.environment.fingerprint,
            }
            for run in evidence.runs
        ],
        "failed": [
            {"split_seed": split, "seed": seed, "status": status}
            for (split, seed), status in sorted(result.failed.items())
        ],
    }


def _summary(summary: Summary | None) -> Document | None:
    return asdict(summary) if summary else None
