"""The board's CSV files, in full precision; fractions in [0, 1], milliseconds, MiB."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence

from graph_distillery.leaderboard.read.rows import RANKED, Row, RowKey
from graph_distillery.leaderboard.statistics import Estimate, PairedTest
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.comparison import Comparison
from graph_distillery.leaderboard.tables.overall import Overall
from graph_distillery.leaderboard.tables.worth import verdict
from graph_distillery.leaderboard.text import TOO_FEW, visible

Value = str | int | float | bool | None
Line = dict[str, Value]


def csv_files(board: Board) -> dict[str, str]:
    """File name to content: overall.csv, pairs.csv (every two methods), and per comparison its scores and speeds."""
    files = {"overall.csv": csv_text(_overall(board)), "pairs.csv": csv_text(_pairs(board), PAIRS)}
    for comparison in board.comparisons:
        files[f"{comparison.slug}.csv"] = csv_text(_scores(comparison))
        if comparison.fingerprints:
            files[f"{comparison.slug}-speed.csv"] = csv_text(_speed(comparison))
    return files


def _family(overall: Overall) -> Line:
    return {
        **_track(overall.track),
        "task": overall.task,
        "setting": overall.setting,
        "teacher": overall.teacher,
        "student": overall.student,
        "comparisons": len(overall.comparisons),
    }


def _track(name: str) -> Line:
    return {"track": name} if name else {}


def _sender(key: RowKey) -> Line:
    return {"sender": key.sender} if key.sender else {}


def _overall(board: Board) -> list[Line]:
    lines: list[Line] = []
    for overall in board.overall:
        family = _family(overall)
        lines += [
            family
            | {"method": row.key.method, "variant": row.key.variant, "fixed": row.key.fixed, "status": "complete"}
            | _sender(row.key)
            | _estimate("mean_rank", row.rank)
            | _estimate("win_rate", row.win_rate)
            | {"rank_note": None if row.rank.low is not None else TOO_FEW}
            | _estimate("iqm_normalised", row.iqm)
            | _estimate("mean_gap_closed", row.gap)
            | _estimate("mean_gain", row.gains)
            | (_estimate("mean_own_term", row.own_term) if row.own_term else {})
            | {"mean_tuning_gain": row.tuning_gain, "mean_ece": row.ece}
            | {"tuning_device_hours": row.device_hours}
            | {"speedup_geometric_mean": row.speedup}
            | {"fingerprint": overall.fingerprint if row.speedup is not None else None}
            for row in overall.rows
        ]
        for key, gaps in overall.partial.items():
            named: Line = {"method": key.method, "variant": key.variant, "fixed": key.fixed}
            lines.append(family | named | _sender(key) | {"status": "; ".join(gaps)})
    return lines


PAIRS = (
    "track", "task", "setting", "teacher", "student", "comparisons", "method", "variant", "fixed", "sender", "other",
    "other_variant", "other_fixed", "other_sender", "improvement", "improvement_low95", "improvement_high95",
    "datasets", "wilcoxon_holm_p", "within_critical_difference",
)  # fmt: skip


def _pairs(board: Board) -> list[Line]:
    """The chance that one method's run beats another's; and from five datasets on whether the two differ over them."""
    lines: list[Line] = []
    for overall in board.overall:
        tests = overall.tests
        for (one, other), chance in overall.improvement.items():
            line = _family(overall) | {"method": one.method, "variant": one.variant, "fixed": one.fixed}
            line |= {"sender": one.sender or None, "other_sender": other.sender or None}
            line |= {"other": other.method, "other_variant": other.variant, "other_fixed": other.fixed}
            line |= _estimate("improvement", chance)
            if tests:
                apart = abs(tests.mean_ranks[one] - tests.mean_ranks[other])
                line |= {
                    "datasets": tests.datasets,
                    "wilcoxon_holm_p": tests.pairs.get((one, other), tests.pairs.get((other, one))),
                    "within_critical_difference": apart < tests.critical_difference,
                }
            lines.append(line)
    return lines


def _scores(comparison: Comparison) -> list[Line]:
    """One line per row and configuration; ranks, tests, gain and gap closed belong to the headline configuration."""
    lines: list[Line] = []
    ablated = any("ablated" in row.results for row in comparison.rows)
    for row in comparison.rows:
        for result in row.results.values():
            headline = result is row.headline
            test, val = result.summary, result.validation
            lines.append(
                {
                    **_track(comparison.track),
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
                    **_sender(row.key),
                    "configuration": result.selection,
                    "status": row.status if headline else None,
                    "verified": row.verified if headline else None,
                    "seeds": len(result.test),
                    "failed_runs": len(result.failed),
                    "test_mean": test.mean if test else None,
                    "test_std": test.std if test else None,
                    "test_low95": test.low if test else None,
                    "test_high95": test.high if test else None,
                    "test_nll": result.mean_nll,
                    "test_ece": result.mean_ece,
                    "tran_mean": result.part("tran"),
                    "ind_mean": result.part("ind"),
                    "val_mean": val.mean if val else None,
                }
                | _standing(comparison, row if headline else None)
                | (_worth(comparison.own_term(row) if headline else None) if ablated else {})
                | {
                    "equal_to_best": comparison.equal_to_best(row) if headline else None,
                    "optimism": row.optimism if headline else None,
                    "tuning_gain": comparison.tuning_gain(row) if headline else None,
                    "trials": result.trials,
                    "failed_trials": row.failed_trials,
                    "tuning_device_hours": row.tuning.device_hours if headline else None,
                    "train_s": result.train_s,
                    "teacher_s": row.teacher_s,
                }
            )
    return lines


def _worth(test: PairedTest | None) -> Line:
    """What the method's own term is worth, as a fraction, with its p adjusted over the table's column."""
    return {
        "own_term": test.difference if test else None,
        "own_term_low95": test.low if test else None,
        "own_term_high95": test.high if test else None,
        "own_term_holm_p": test.p_holm if test else None,
        "own_term_verdict": verdict(test) or None if test else None,
    }


def _standing(comparison: Comparison, row: Row | None) -> Line:
    """Ranks, tie group and tests of a row; empty for None and for rows that are not ranked."""
    found = comparison.standings.get(row.key) if row else None
    best = found.best if found else None
    student = comparison.against_student(row) if row else None
    gap = comparison.gap(row) if row else None
    return {
        "rank": found.rank if found else None,
        "rank_low95": found.rank_low if found else None,
        "rank_high95": found.rank_high if found else None,
        "tie_group": found.letters if found else None,
        "verdict": found.verdict if found else None,
        **_paired("best", best),
        "gain_over_student": comparison.gain(row) if row else None,
        **_paired("student", student),
        **_estimate("gap_closed", gap),
    }


def _paired(against: str, test: PairedTest | None) -> Line:
    return {
        f"difference_to_{against}": test.difference if test else None,
        f"difference_to_{against}_low95": test.low if test else None,
        f"difference_to_{against}_high95": test.high if test else None,
        f"test_{against}": test.test if test else None,
        f"p_{against}": test.p if test else None,
        f"holm_p_{against}": test.p_holm if test else None,
        f"rank_biserial_{against}": test.rank_biserial if test else None,
        f"cohen_dz_{against}": test.cohen_dz if test else None,
    }


def _estimate(name: str, estimate: Estimate | None) -> Line:
    return {
        name: estimate.value if estimate else None,
        f"{name}_low95": estimate.low if estimate else None,
        f"{name}_high95": estimate.high if estimate else None,
    }


def _speed(comparison: Comparison) -> list[Line]:
    fronts = {fingerprint: comparison.pareto(fingerprint) for fingerprint in comparison.fingerprints}
    return [
        {
            "fingerprint": fingerprint,
            "role": row.role,
            "method": row.key.method,
            "variant": row.key.variant,
            **({"fixed": True} if row.key.fixed and row.role in RANKED else {}),
            **_sender(row.key),
            "rounds": row.speed[fingerprint].rounds,
            "timed_in_turn": row.speed[fingerprint].beside,
            "shape": row.speed[fingerprint].shape,
            "full_forward_ms_p50": row.speed[fingerprint].full_forward_ms,
            "full_forward_low95": row.speed[fingerprint].full_forward_low,
            "full_forward_high95": row.speed[fingerprint].full_forward_high,
            "full_forward_speedup": comparison.speedup(row, fingerprint),
            "request_ms_p50": row.speed[fingerprint].request_ms,
            "request_low95": row.speed[fingerprint].request_low,
            "request_high95": row.speed[fingerprint].request_high,
            "request_speedup": comparison.speedup(row, fingerprint, request=True),
            "params": row.speed[fingerprint].params,
            "macs": row.speed[fingerprint].macs,
            "peak_memory_mb": row.speed[fingerprint].peak_memory_mb,
            "pareto": fronts[fingerprint].get(row.key),
        }
        for fingerprint in comparison.fingerprints
        for row in comparison.rows
        if fingerprint in row.speed
    ]


def csv_text(lines: list[Line], columns: Sequence[str] = ()) -> str:
    """Lines as CSV; the columns are those of all lines, in the order met, unless they are given."""
    columns = columns or list(dict.fromkeys(name for line in lines for name in line))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in line.items()} for line in lines)
    return text.getvalue()


def _cell(value: Value) -> Value:
    """Text that a spreadsheet would run as a formula gets a leading quote; numbers keep every digit."""
    if not isinstance(value, str):
        return value
    shown = visible(value)
    return f"'{shown}" if unicodedata.normalize("NFKC", shown).lstrip()[:1] in tuple("=+-@") else shown
