"""The share of test labels that tuning reads: in dry run and records; no split counts twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from graph_distillery.bench.data.loaders.embedded.loader import karate
from graph_distillery.bench.data.sealing import seen_in_tuning
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.sweep import check_data, run_sweep


def test_records_and_dry_run_say_it(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    small = {"methods": ["supervised", "majority"], "teachers": [], "search": {"trials": 1, "seeds": [100, 101]}}
    expected = seen_in_tuning(karate(), "random-60-20-20", (100, 101), (0, 1))
    for split, seen in (("random-60-20-20", expected), ("sealed-60-20-20", {0: 0.0, 1: 0.0})):
        plan = plan_of(split=split, **small)
        survey = check_data(plan, tmp_path / split)
        assert survey.seen_in_tuning == {f"karate/{split}": seen}
        words = (
            "no test label of any" if "sealed" in split else f"{100 * max(seen.values()):.0f} % of the test labels of a"
        )
        assert words in survey.overlaps()[0]
        run_sweep(plan, tmp_path / split)
        records = read_records(tmp_path / split).records
        reports = [record for record in records if record.kind == "report"]
        assert {(r.seed, r.seen_in_tuning) for r in reports if r.cell.method == "supervised"} == set(seen.items())
        assert {r.seen_in_tuning for r in reports if r.cell.method == "majority"} == {0.0}, "it has nothing to tune"
        assert {r.seen_in_tuning for r in records if r.kind != "report"} == {None}


def test_a_published_split_is_counted_once(
    plan_of: Callable[..., Plan], mirror: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("DISTILLERY_MIRROR", str(mirror))
    monkeypatch.setenv("DISTILLERY_DATA", str(tmp_path / "data"))
    survey = check_data(plan_of(datasets=["texas"], report={"seeds": 10}), tmp_path / "store")
    assert all(0.8 < share <= 1 for share in survey.seen_in_tuning["texas/geom-gcn"].values())
    assert survey.overlaps()[0].endswith("of the published splits, 7, 8, 9 serve both")
    with pytest.raises(UserError, match=r"report\.seeds: seeds 9 and 10 are both split 9 of the 10 'geom-gcn' splits"):
        check_data(plan_of(datasets=["texas"], report={"seeds": 11}), tmp_path / "store")
