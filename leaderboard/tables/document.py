"""The board as one JSON document, ``leaderboard.json``: every number of the pages and what stands behind it.

Scores, gains and shares are fractions, latencies milliseconds, memory MiB, tuning cost device-hours. What does not
exist is null. ``docs/leaderboard-json.md`` names the fields. The version grows when a field is renamed or removed, or
changes its meaning; new fields do not change it.
"""

from __future__ import annotations

import json
from typing import Any

from graph_distillery.leaderboard.read.evidence import EvidenceBook
from graph_distillery.leaderboard.read.rows import Repeat, Row, RowKey
from graph_distillery.leaderboard.read.runs import Result, SpeedRow
from graph_distillery.leaderboard.reproduction.page import index_data
from graph_distillery.leaderboard.statistics import Estimate, PairedTest, Standing, Summary
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.changes import changes
from graph_distillery.leaderboard.tables.comparison import Comparison
from graph_distillery.leaderboard.tables.overall import Overall, OverallRow
from graph_distillery.leaderboard.tables.worth import verdict
from graph_distillery.leaderboard.text import TOO_FEW

DOCUMENT_VERSION = 1

Document = dict[str, Any]


def board_document(board: Board, book: EvidenceBook) -> Document:
    """The whole board as plain values, in the board's order."""
    document = {
        "schema": DOCUMENT_VERSION,
        "suite_versions": list(board.suite_versions),
        "warnings": list(board.warnings),
        "board": board.file.model_dump(mode="json") if board.file else None,
        "machines": {name: e.model_dump() for name, e in board.environments.items()},
        "overall": [_overall(each) for each in board.overall],
        "comparisons": [_comparison(each, book) for each in board.comparisons],
        "published": index_data(board.published),
    }
    return document | {"changes": changes(board.earlier, document)} if board.earlier else document


def document_text(document: Document) -> str:
    """The document as the file holds it: indented, so that differences can be read; ASCII; no NaN."""
    return json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _key(key: RowKey) -> Document:
    sent = {"sender": key.sender} if key.sender else {}
    return {"method": key.method, "variant": key.variant, "fixed": key.fixed, "name": key.name, **sent}


def _fields(value: object) -> Document:
    """The fields of a dataclass, its tuples shared: ``asdict`` would copy every number of every curve."""
    return dict(vars(value))


def _parts(value: Summary | Estimate | None) -> Document | None:
    return _fields(value) if value else None


# ---- Over all datasets --------------------------------------------------------------------------------------------


def _overall(overall: Overall) -> Document:
    tests = overall.tests
    return {
        **({"track": overall.track} if overall.track else {}),
        "task": overall.task,
        "setting": overall.setting,
        "teacher": overall.teacher,
        "student": overall.student,
        "comparisons": [each.slug for each in overall.comparisons],
        "datasets": overall.datasets,
        "machine": overall.fingerprint,
        "rows": [_overall_row(row) for row in overall.rows],
        "partial": [{**_key(key), "missing": list(gaps)} for key, gaps in overall.partial.items()],
        "improvement": [
            {"method": one.name, "over": other.name, **_fields(chance)}
            for (one, other), chance in overall.improvement.items()
        ],
        "tests": {
            "datasets": tests.datasets,
            "friedman_chi_squared": tests.chi_squared,
            "friedman_p": tests.p,
            "iman_davenport_f": tests.f,
            "iman_davenport_p": tests.f_p,
            "critical_difference": tests.critical_difference,
            "mean_ranks": [{"method": key.name, "mean_rank": rank} for key, rank in tests.mean_ranks.items()],
            "cliques": [[key.name for key in clique] for clique in tests.cliques],
            "wilcoxon_holm": [
                {"method": one.name, "other": other.name, "p": p} for (one, other), p in tests.pairs.items()
            ],
            "decidable": tests.decidable,
        }
        if tests
        else None,
    }


def _noted(estimate: Estimate) -> Document:
    """An estimate, and why it has no interval."""
    return {**_fields(estimate), **({} if estimate.low is not None else {"note": TOO_FEW})}


def _overall_row(row: OverallRow) -> Document:
    return {
        **_key(row.key),
        "mean_rank": _noted(row.rank),
        "win_rate": _noted(row.win_rate),
        "iqm": _parts(row.iqm),
        "gap_closed": _parts(row.gap),
        "gain": row.gain,
        "mean_gain": _parts(row.gains),
        "tuning_gain": row.tuning_gain,
        **({"own_term": _parts(row.own_term)} if row.own_term else {}),
        "speedup": row.speedup,
        "speedups": row.speedups,
        "device_hours": row.device_hours,
        "ece": row.ece,
        "profile": _fields(row.profile) if row.profile else None,
    }


# ---- One dataset ----------------------------------------------------------------------------------------------------


def _comparison(comparison: Comparison, book: EvidenceBook) -> Document:
    fronts = {name: comparison.pareto(name) for name in comparison.fingerprints}
    return {
        "slug": comparison.slug,
        **_fields(comparison.data),
        "teacher": comparison.teacher,
        "student": comparison.student,
        "sampling": _sampling(comparison),
        "seen_in_tuning": list(comparison.seen_in_tuning) if comparison.seen_in_tuning else None,
        "margin": comparison.margin,
        **({"track": comparison.track} if comparison.track else {}),
        "rows": [_row(comparison, row, fronts, book) for row in comparison.rows],
    }


def _sampling(comparison: Comparison) -> Document:
    sampling = comparison.sampling
    return {
        "kind": sampling.kind,
        "known": sampling.known,
        "samples": sampling.samples(comparison.shared_seeds),
        "test_items": sampling.test_items,
        "other_items": sampling.other_items,
    }


def _row(comparison: Comparison, row: Row, fronts: dict[str, dict[RowKey, bool]], book: EvidenceBook) -> Document:
    curve, standing = row.tuning.curve, comparison.standings.get(row.key)
    return {
        **_key(row.key),
        "role": row.role,
        "status": row.status,
        "complete": row.complete,
        "verified": row.verified,
        "rank": standing.rank if standing else None,
        "standing": _standing(standing),
        "equal_to_best": comparison.equal_to_best(row),
        "optimism": row.optimism,
        "gain": comparison.gain(row),
        "against_student": _paired(comparison.against_student(row)),
        "gap_closed": comparison.gap_closed(row),
        "tuning_gain": comparison.tuning_gain(row),
        **({"collapsed": _collapsed(row)} if row.headline and row.headline.collapsed else {}),
        "headline": row.headline.selection if row.headline else None,
        **({"own_term": _worth(comparison.own_term(row))} if "ablated" in row.results else {}),
        "configurations": {name: _result(each, book) for name, each in row.results.items()},
        "search": {
            "trials": len(row.tuning.trials),
            "pruned": row.tuning.pruned,
            "failed": row.tuning.failed,
            "device_hours": row.tuning.device_hours,
            "teacher_seconds": row.teacher_s,
            "curve": _fields(curve) if curve else None,
        },
        "speed": {
            name: {
                **_speed(speed),
                "speedup": comparison.speedup(row, name),
                "request_speedup": comparison.speedup(row, name, request=True),
                "pareto": fronts[name].get(row.key),
            }
            for name, speed in row.speed.items()
        },
        "repeats": [_repeat(each) for each in row.repeats],
    }


def _collapsed(row: Row) -> Document:
    """How each collapsed seed of the shown configuration learned nothing, by its number."""
    found = row.headline.collapsed if row.headline else {}
    return {str(seed): how for (_, seed), how in sorted(found.items())}


def _standing(standing: Standing[RowKey] | None) -> Document | None:
    if standing is None:
        return None
    return {
        "verdict": standing.verdict,
        "rank_low": standing.rank_low,
        "rank_high": standing.rank_high,
        "letters": standing.letters,
        "test": standing.test,
        "seeds_needed": standing.seeds_needed,
        "against_best": _paired(standing.best),
        "adjusted_p": {key.name: p for key, p in standing.pairs.items()},
    }


def _paired(test: PairedTest | None) -> Document | None:
    return {**_fields(test), "significant": test.significant} if test else None


def _worth(test: PairedTest | None) -> Document | None:
    return {**_fields(test), "significant": test.significant, "verdict": verdict(test)} if test else None


def _speed(speed: SpeedRow) -> Document:
    found = _fields(speed)
    found["sources"] = [{"record": each.record_id, "store": each.store_id} for each in speed.sources]
    return found


def _repeat(repeat: Repeat) -> Document:
    return {
        "machine": repeat.fingerprint,
        "stores": list(repeat.store_ids),
        "test": _parts(repeat.result.summary),
        "agrees": repeat.agrees,
    }


def _result(result: Result, book: EvidenceBook) -> Document:
    evidence = book.of(result)
    return {
        "test": _parts(result.summary),
        "validation": _parts(result.validation),
        "parts": {name: result.part(name) for name in result.parts},
        "nll": result.mean_nll,
        "ece": result.mean_ece,
        "train_seconds": result.train_s,
        "trials": result.trials,
        "budgets": list(result.budgets),
        "hparams": dict(result.hparams),
        "teacher_hparams": dict(evidence.teacher),
        "command": evidence.command,
        "runs": [
            {
                "split_seed": each.split_seed,
                "seed": each.seed,
                "status": each.status,
                "test": each.score,
                "validation": result.val.get((each.split_seed, each.seed)) if each.status == "ok" else None,
                "record": each.record_id,
                "store": each.store_id,
                "suite_version": each.suite_version,
                "git_sha": each.git_sha,
                "machine": each.fingerprint,
            }
            for each in result.sources
        ],
    }
