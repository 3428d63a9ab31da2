"""Scores follow from predictions and labels, or the line that does not is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.cli.entry import main
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import read_records
from graph_distillery.bench.records.predictions import (
    PredictedPart,
    Predictions,
    read_predictions,
    write_predictions,
)
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store.rescoring import rescore
from graph_distillery.bench.sweeps.sweep import run_sweep


@pytest.fixture
def store(plan_of: Callable[..., Plan], tmp_path: Path) -> Path:
    plan = plan_of(split="random-60-20-20", methods=["supervised"], search={"trials": 0})
    assert run_sweep(plan, tmp_path / "store").ok
    return tmp_path / "store"


def edit(store: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the first report record."""
    path = store / "records" / "report.jsonl"
    first, *others = path.read_text().splitlines()
    content = json.loads(first)
    change(content)
    path.write_text("\n".join([json.dumps(content), *others]) + "\n")


def test_every_score_that_was_recorded_follows_also_from_a_packed_store(store: Path, tmp_path: Path) -> None:
    found = rescore(store)
    assert (found.without, found.wrong) == (0, [])
    assert found.checked == len(read_records(store, kinds=["report"]).records) > 0
    assert main(["leaderboard", str(store), "--out", str(tmp_path / "board"), "--no-plots"]) == 0
    assert main(["pack", str(store), "--out", str(tmp_path / "small")]) == 0
    assert main(["verify", str(tmp_path / "board"), str(tmp_path / "small"), "--data"]) == 0


def test_a_sweep_goes_on_in_what_is_unpacked_as_if_it_had_never_been_packed(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    def sweep(reports: int, name: str) -> list[dict[str, Any]]:
        plan = plan_of(methods=["kd"], search={"trials": 2}, report={"seeds": reports})
        assert run_sweep(plan, tmp_path / name).ok
        kinds = ("teacher", "trial", "report")
        found = [record.model_dump() for record in read_records(tmp_path / name, kinds=kinds).records]
        return [{key: each[key] for key in ("kind", "id", "hparams", "seed", "metrics", "curve")} for each in found]

    before = sweep(2, "begun")
    assert main(["pack", str(tmp_path / "begun"), "--out", str(tmp_path / "small")]) == 0
    assert main(["pack", "--unpack", str(tmp_path / "small"), "--out", str(tmp_path / "again")]) == 0
    assert not (tmp_path / "again" / "teachers").exists()
    assert sweep(2, "again") == before
    unpacked, begun = ({row["id"]: row for row in sweep(3, name)} for name in ("again", "begun"))
    assert unpacked == begun
    assert len(begun) > len(before)
    for name in ("small", "again"):  # a folder that is taken, a store that is not packed
        assert main(["pack", "--unpack", str(tmp_path / name), "--out", str(tmp_path / "begun")]) == 2
    assert main(["pack", "--unpack", str(tmp_path / "begun")]) == 2
    assert not (tmp_path / "begun-unpacked").exists()


def test_a_score_a_prediction_or_a_right_that_is_another_is_named(store: Path) -> None:
    def better(record: dict[str, Any]) -> None:
        record["metrics"]["test"]["accuracy"] += 1 / 7

    record = read_records(store, kinds=["report"]).records[0]
    edit(store, better)
    (wrong,) = rescore(store).wrong
    assert wrong.where.endswith("report.jsonl:1")
    assert (wrong.what, wrong.recomputed) == ("accuracy", f"{(record.metrics.test or {})['accuracy']:.9g}")

    part = read_predictions(store, record.predictions_sha256 or "").parts["all"]
    assert part.right is not None
    lies = {
        "right": PredictedPart(part.items, part.labels, right=~part.right),
        "items": PredictedPart(part.items + 1, part.labels, right=part.right),
    }
    for what, lie in lies.items():
        sha256 = write_predictions(store, Predictions({"all": lie}).to_bytes(4))
        edit(store, lambda record, sha256=sha256: record.update(predictions_sha256=sha256))  # type: ignore[misc]
        assert [each.what for each in rescore(store).wrong] == [what]


def test_other_data_under_the_same_name_are_refused(store: Path) -> None:
    edit(store, lambda record: record["cell"].update(dataset_sha256="0" * 64))
    with pytest.raises(UserError, match="dataset_sha256 0000000000000000 is not that of karate"):
        rescore(store)


def test_sets_of_labels_follow_too(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    student = [{"model": "mlp", "hidden": 8, "layers": 2, "epochs": 3}]
    plan = plan_of(datasets=["multi-sbm-small"], students=student, methods=["supervised"], search={"trials": 0})
    assert run_sweep(plan, tmp_path / "sets").ok
    found = rescore(tmp_path / "sets")
    assert (found.without, found.wrong) == (0, [])
    record = read_records(tmp_path / "sets", kinds=["report"]).records[0]
    part = read_predictions(tmp_path / "sets", record.predictions_sha256 or "").parts["all"]
    assert part.label_sets is not None
    assert part.label_sets.shape == (1, part.items.size, 10)
