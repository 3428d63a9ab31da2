"""leaderboard.json and leaderboard.parquet hold the board's numbers, whatever of them exists."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from graph_distillery.leaderboard import build_board, load_stores, make_board


@pytest.fixture(scope="module")
def built(store_of, tmp_path_factory):
    folder = tmp_path_factory.mktemp("document")
    records = [
        *store_of.runs("teacher", [0.8, 0.82]),
        *store_of.runs("supervised", [0.6, 0.61]),
        *store_of.runs("kd", [0.7, 0.74]),
        *store_of.runs("kd", [0.66, 0.68], selection="default"),
        store_of.record("kd", kind="speed", speed=2.0),
        store_of.record("teacher", kind="speed", speed=8.0),
        store_of.record("glnn", status="nan"),
    ]
    store = store_of.write(folder / "store", records)
    build_board([store], folder / "board", plots=False)
    return make_board(load_stores([store])), folder / "board"


def test_the_document_has_the_numbers_of_the_board(built):
    board, folder = built
    document = json.loads((folder / "leaderboard.json").read_text())
    assert document["published"] == []
    assert "Published tables" not in (folder / "index.html").read_text()
    (comparison,), (ours,) = document["comparisons"], board.comparisons
    for row, mine in zip(comparison["rows"], ours.rows, strict=True):
        assert row["name"] == mine.key.name
        assert row["gain"] == ours.gain(mine)
        for name, configuration in row["configurations"].items():
            runs = {run["seed"]: run["test"] for run in configuration["runs"] if run["status"] == "ok"}
            assert runs == {seed: score for (_, seed), score in mine.results[name].test.items()}
            assert (configuration["test"] or {}).get("mean") == getattr(mine.results[name].summary, "mean", None)
    assert document["overall"][0]["rows"][0]["mean_rank"]["value"] == board.overall[0].rows[0].mean_rank


def test_parquet_has_a_line_per_configuration_and_typed_columns(built):
    _, folder = built
    table = pq.read_table(folder / "leaderboard.parquet")
    lines = table.to_pylist()
    assert [(each["method"], each["configuration"], each["headline"]) for each in lines if each["method"] == "kd"] == [
        ("kd", "default", False), ("kd", "tuned", True),
    ]  # fmt: skip
    (kd,) = [each for each in lines if each["method"] == "kd" and each["headline"]]
    assert (kd["test_mean"], kd["full_forward_ms"], kd["speedup"]) == (pytest.approx(0.72), 2.0, 4.0)
    assert {"rounds", "request_low", "request_high", "full_forward_low", "full_forward_high"} <= kd.keys()
    assert kd["command"].startswith("distillery run --dataset cora")
    (failed,) = [each for each in lines if each["method"] == "glnn"]
    assert (failed["test_mean"], failed["failed_runs"], failed["complete"]) == (None, 1, False)
    assert str(table.schema.field("rank_low").type) == "int64"


def test_every_field_of_the_document_is_described(built, repo_root: Path):
    _, folder = built
    document = json.loads((folder / "leaderboard.json").read_text())
    text = (repo_root / "docs" / "leaderboard-json.md").read_text()
    named = set(re.findall(r"[a-z_0-9]+", text))
    row = document["comparisons"][0]["rows"][0]
    names = {"schema", "method", "variant", "fixed", "name", "dataset", "split", "metric"}
    names |= {"dataset_sha256", "node_order_sha256"}
    for part in (document, document["overall"][0], document["overall"][0]["rows"][0], document["comparisons"][0], row):
        assert set(part) - named - names == set()
