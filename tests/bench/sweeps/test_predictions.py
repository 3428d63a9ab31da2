"""What report runs predicted travels into the store on every executor, and gives their scores again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graph_distillery.bench.data.splits import make_split
from graph_distillery.bench.records import Record, RecordError, read_records
from graph_distillery.bench.records.predictions import (
    PredictedPart,
    Predictions,
    parse_predictions,
    place_of,
    read_predictions,
    sha256_of,
    write_predictions,
)
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.bench.training.problem import ProblemKey, split_dataset


def reports_of(store: Path) -> dict[str, Record]:
    return {record.id: record for record in read_records(store, kinds=["report"]).records}


@pytest.fixture
def plan(plan_of: Callable[..., Plan]) -> Plan:
    search = {"trials": 0}
    return plan_of(split="random-60-20-20", methods=["supervised", "glnn"], search=search)


@pytest.mark.parametrize("setting", ["transductive", "inductive"])
def test_scores_follow_from_predictions_and_the_datasets_labels(
    plan_of: Callable[..., Plan], tmp_path: Path, setting: str
) -> None:
    plan = plan_of(split="random-60-20-20", setting=setting, methods=["glnn"], search={"trials": 0})
    assert run_sweep(plan, tmp_path / "store").ok
    key = ProblemKey("karate", "random-60-20-20", setting)
    for record in reports_of(tmp_path / "store").values():
        dataset, split = make_split(split_dataset(key), key.split, record.cell.split_seed)
        assert record.predictions_sha256 is not None
        found = read_predictions(tmp_path / "store", record.predictions_sha256)
        numbers = np.concatenate([part.items for part in found.parts.values()])
        assert sorted(numbers.tolist()) == split.test.tolist()
        scores = record.metrics.test or {}
        for name, part in found.parts.items():
            truth = dataset.labels.numpy()[part.items]
            assert part.labels is not None
            assert part.right is not None
            assert np.array_equal(part.right, part.labels == truth)
            assert part.right.mean() == pytest.approx(scores["accuracy" if name == "all" else name], abs=1e-12)


def test_they_cross_every_border_and_no_kill_leaves_half_of_them(plan: Plan, tmp_path: Path, ray_cluster: Any) -> None:
    assert run_sweep(plan, tmp_path / "here").ok
    expected = {id_: record.predictions_sha256 for id_, record in reports_of(tmp_path / "here").items()}
    assert None not in expected.values()
    means = {"workers": Means("local", 2), "ray": Means("ray", 1, address=ray_cluster.address)}
    for name, each in means.items():
        assert run_sweep(plan, tmp_path / name, each).ok
    left = 4

    def listen(record: Record) -> None:
        nonlocal left
        left -= record.kind == "report"
        if not left:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep(plan, tmp_path / "killed", listener=lambda driver: listen)
    folder = tmp_path / "killed" / "predictions"
    (folder / ".draft-1").write_bytes(b"half")  # as a driver leaves it that is killed while it writes
    assert run_sweep(plan, tmp_path / "killed").ok
    for name in (*means, "killed"):
        assert {id_: r.predictions_sha256 for id_, r in reports_of(tmp_path / name).items()} == expected, name
        there = {path.name for path in (tmp_path / name / "predictions").iterdir()}
        assert there == {f"{sha256}.safetensors" for sha256 in expected.values()}, name


def test_predictions_are_kept_once_whole_and_as_they_were_written(tmp_path: Path) -> None:
    labels = np.arange(5)[None] % 3
    told = Predictions({"all": PredictedPart(np.arange(300, 305), labels, right=labels == 1)}, "best")
    content = told.to_bytes(3)
    sha256 = write_predictions(tmp_path, content)
    assert write_predictions(tmp_path, content) == sha256 == sha256_of(content)
    assert [path.name for path in (tmp_path / "predictions").iterdir()] == [f"{sha256}.safetensors"]
    found = read_predictions(tmp_path, sha256)
    assert found.judged_by == "best"
    for name in ("items", "labels", "right"):
        assert np.array_equal(getattr(found.parts["all"], name), getattr(told.parts["all"], name))
    place_of(tmp_path, sha256).write_bytes(content[:-1])
    with pytest.raises(RecordError, match="is not the file that was written"):
        read_predictions(tmp_path, sha256)
    write_predictions(tmp_path, content)  # a run tried again
    assert read_predictions(tmp_path, sha256).judged_by == "best"
    for broken in (b"", content[:40], b"\x80\x04K\x01."):
        with pytest.raises(RecordError, match=r"^here: holds no predictions"):
            parse_predictions(broken, "here")


def test_sets_of_labels_and_logits_come_back_as_they_went(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sets, logits = rng.random((2, 7, 11)) > 0.5, rng.random((1, 7, 4), dtype=np.float32)
    told = Predictions(
        {"tran": PredictedPart(np.arange(7), label_sets=sets), "ind": PredictedPart(np.arange(7), logits=logits)}
    )
    found = parse_predictions(told.to_bytes(11), "here")
    assert np.array_equal(found.parts["tran"].label_sets, sets)
    assert np.array_equal(found.parts["ind"].logits, logits)


def test_logits_or_nothing_are_kept_where_asked_for_and_logits_where_the_metric_ranks(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    for kept in ("none", "logits"):
        report = {"seeds": 1, "predictions": kept}
        plan = plan_of(split="random-60-20-20", methods=["supervised"], search={"trials": 0}, report=report)
        assert run_sweep(plan, tmp_path / kept).ok
    assert all(record.predictions_sha256 is None for record in reports_of(tmp_path / "none").values())
    assert not (tmp_path / "none" / "predictions").exists()
    for record in reports_of(tmp_path / "logits").values():
        part = read_predictions(tmp_path / "logits", record.predictions_sha256 or "").parts["all"]
        assert part.labels is None
        assert part.logits is not None
        assert part.right is not None
        assert part.right.mean() == pytest.approx((record.metrics.test or {})["accuracy"], abs=1e-12)
