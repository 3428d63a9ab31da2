"""Verdicts on hand-made numbers, our side out of records, and pages that say what was judged and what was not."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.leaderboard.errors import BoardError
from graph_distillery.leaderboard.plots.canvas import BLUE, FAINT, GREEN, GREY, INK, PAPER, RULE, VERMILION
from graph_distillery.leaderboard.reproduction import (
    Ours,
    Published,
    ReproductionCell,
    ReproductionTable,
    judge,
    ours_of,
    write_pages,
)
from graph_distillery.leaderboard.reproduction.cells import Variation

T_9 = 2.2621571628540993  # the 97.5 % point of Student's t with 9 degrees of freedom


def theirs(mean: float, std: float | None, confidence: Any = "table") -> Published:
    return Published(mean, std, confidence, "a source")


def ten(mean: float, half: float) -> Ours:
    """Ten seeds with this mean, whose 95 % interval is as wide to each side as `half`."""
    away = half * math.sqrt(10) / T_9 * math.sqrt(9 / 10)
    return Ours(10, {seed: mean + (away if seed % 2 else -away) for seed in range(10)})


@pytest.mark.parametrize(
    ("published", "ours", "needs", "kind", "reason"),
    [
        (theirs(80.0, 1.0), ten(80.9, 0.2), None, "reproduced", ""),  # within the published deviation
        (theirs(80.0, 0.2), ten(80.9, 1.0), None, "reproduced", ""),  # within our interval
        (theirs(80.0, 1.0), ten(81.0, 0.2), None, "reproduced", ""),  # at its very edge
        (theirs(80.0, 0.5), ten(80.9, 0.6), None, "above", ""),
        (theirs(80.0, 0.5), ten(79.1, 0.6), None, "below", ""),
        (theirs(80.0, None), ten(80.9, 1.0), None, "reproduced", "no deviation was published"),
        (theirs(80.0, None), ten(80.9, 0.8), None, "above", "no deviation was published"),
        (theirs(80.0, 1.0, "secondary"), ten(78.0, 0.1), None, "below", ""),
        (theirs(80.0, 1.0, "unverified"), ten(80.0, 0.1), None, "not judged", "unverified"),
        (theirs(80.0, 1.0), Ours(10), "ppi", "not judged", "needs ppi"),
        (theirs(80.0, 1.0), Ours(10), None, "not judged", "not run yet"),
        (theirs(80.0, 1.0), Ours(10, {0: 80.0, 1: 80.1}), None, "not judged", "2 of 10 seeds"),
        (theirs(80.0, 1.0), Ours(2, {0: 80.0}, (1,)), None, "not judged", "1 of 2 seeds failed"),
        (theirs(80.0, None), Ours(1, {0: 80.0}), None, "not judged", "neither"),
        (theirs(80.0, 1.0), Ours(1, {0: 80.5}), None, "reproduced", ""),
        (theirs(80.0, 1.0), ten(76.0, 12.0), None, "not judged", "ours spread too far"),  # within our interval
        (theirs(80.0, 1.0), ten(80.5, 12.0), None, "reproduced", ""),  # within the published deviation
        (theirs(80.0, 1.0), ten(60.0, 12.0), None, "below", ""),  # beyond both
        (None, ten(80.0, 1.0), None, "not judged", "no published number"),
    ],
)
def test_verdicts(published: Published | None, ours: Ours, needs: str | None, kind: str, reason: str) -> None:
    verdict = judge(published, ours, needs)
    assert verdict.kind == kind
    assert reason in verdict.reason
    assert bool(verdict.reason) == bool(reason)
    if verdict.judged:
        assert verdict.tolerance is not None
        assert verdict.difference == pytest.approx(ours.summary.mean - published.mean)  # type: ignore[union-attr]


def test_the_allowance_is_half_of_the_interval_on_either_side() -> None:
    """Skewed scores have a skewed interval; what is allowed must not depend on the sign of the difference."""
    ours = Ours(10, dict(enumerate([77.0, 80.0, 80.2, 80.4, 80.1, 80.3, 80.2, 80.5, 80.1, 80.2])))
    summary = ours.summary
    assert summary is not None
    assert summary.low is not None
    assert summary.high is not None
    half = (summary.high - summary.low) / 2
    assert half > 2 * (summary.high - summary.mean)
    assert judge(theirs(summary.mean + 0.99 * half, 0.1), ours).kind == "reproduced"
    assert judge(theirs(summary.mean - 0.99 * half, 0.1), ours).kind == "reproduced"
    assert judge(theirs(summary.mean + 1.01 * half, 0.1), ours).kind == "below"


def test_our_side_is_read_off_the_records(make_record: Callable[..., Any]) -> None:
    """By method, variant, student and teacher; a failed run counts as failed; parts of the inductive setting."""
    parts = {"accuracy": 0.7, "tran": 0.72, "ind": 0.62, "prod": 0.7}
    records = [
        make_record("glnn", 0.7, test_scores=parts, setting="inductive"),
        make_record("glnn", 0.9, seed=1, variant="official_code"),
        make_record("glnn", seed=2, status="failed", test=None),
        make_record("supervised", 0.6, student="mlp"),
        make_record("supervised", 0.65, student="gcn"),
        make_record("teacher", 0.8, teacher="sage"),
        make_record("teacher", 0.85, teacher="gat"),
    ]
    glnn = ours_of(records, 3, "glnn")
    again = [*records, make_record("glnn", 0.5, seed=2)]
    assert ours_of(again, 3, "glnn").failed == ()  # a failed run that later succeeded
    assert (dict(glnn.values), glnn.failed, glnn.complete) == ({0: 70.0}, (2,), False)
    assert dict(ours_of(records, 1, "glnn", part="ind").values) == {0: 62.0}
    assert dict(ours_of(records, 1, "glnn", "official_code").values) == {1: 90.0}
    assert dict(ours_of(records, 1, "supervised", student="gcn").values) == {0: 65.0}
    assert dict(ours_of(records, 1, "teacher", student="mlp", teacher="gat").values) == {0: 85.0}


def table_of(*cells: ReproductionCell) -> ReproductionTable:
    return ReproductionTable(
        name="t-1",
        title="T, table 1",
        paper="T | a paper",
        venue="ICML 2020",
        url="https://example.org",
        table="table 1",
        metric="accuracy",
        source="the paper",
        confidence="table",
        protocol={"split": "public"},
        differences=("another generator",),
        runs={"published": "as published"},
        rows=tuple(dict.fromkeys(cell.row for cell in cells)),
        columns=tuple(dict.fromkeys(cell.column for cell in cells)),
        cells=cells,
        command="distillery reproduce t-1 --out STORE",
    )


def test_the_page_says_all_of_it(tmp_path: Path) -> None:
    quirk = Variation("released code", "it counts twice", Ours(10, {s: v + 0.5 for s, v in ten(80, 1).values.items()}))
    table = table_of(
        ReproductionCell("A", "cora", theirs(80.0, 1.0), ten(80.0, 1.0), quirks=(quirk,)),
        ReproductionCell("B", "cora", theirs(70.0, 0.5), ten(60.0, 1.0), explanation="half of it is the split"),
        ReproductionCell("A", "ppi", theirs(97.0, None), Ours(5), needs="ppi"),
        ReproductionCell("B", "ppi", Published(90.0, None, "unverified", "from memory"), ten(99.0, 0.1)),
        ReproductionCell("C", "cora", theirs(10.0, 0.5), ten(60.0, 1.0)),
    )
    write_pages([table], tmp_path / "pages")
    page = (tmp_path / "pages" / "t-1.md").read_text()
    assert "**1 reproduced, 1 above, 1 below, 2 not judged** of 5." in page
    assert "**not judged**: needs ppi" in page
    assert "| cora | A | released code | 80.50 ± 1.40 | +0.50 | +0.50 to +0.50 | +0.50, reproduced |" in page
    assert "(below): half of it is the split" in page
    assert "**C, cora** (above): no explanation yet" in page
    assert "from memory (unverified" in page
    assert "T \\| a paper" in page
    (data,) = json.loads((tmp_path / "pages" / "index.json").read_text())
    assert data["counts"] == {"reproduced": 1, "above": 1, "below": 1, "not judged": 2}
    assert data["cells"]["below"] == ["B cora"]
    assert "T, table 1: B cora" in (tmp_path / "pages" / "README.md").read_text()
    drawn = set(re.findall(r"#[0-9a-f]{6}", (tmp_path / "pages" / "t-1.svg").read_text()))
    assert drawn == {GREEN, BLUE, VERMILION, GREY, INK, PAPER, FAINT, RULE}  # the boards' colours and no others


def test_pages_leave_other_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BoardError, match=r"holds 'mine.txt'"):
        write_pages([table_of(ReproductionCell("A", "cora", None, Ours(1)))], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
