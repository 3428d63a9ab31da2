"""What a method's own term is worth, from a real sweep to the board, and a store that reports another configuration."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import graph_distillery as gd
from graph_distillery.bench.records import Items
from graph_distillery.bench.records.predictions import PredictedPart, Predictions, sha256_of, write_predictions
from graph_distillery.leaderboard.read.load import load_stores
from graph_distillery.leaderboard.submission import check_submission
from graph_distillery.leaderboard.tables.board import make_board
from graph_distillery.leaderboard.tables.worth import verdict

SPEC: dict[str, Any] = {
    "name": "worth",
    "datasets": ["karate"],
    "split": "random-60-20-20",
    "teachers": [{"model": "gcn", "epochs": 5}],
    "students": [{"model": "mlp", "epochs": 5}],
    "methods": ["supervised", "kd", {"name": "at", "fix": {"beta": 0.0}}],
    "search": {"trials": 2, "seeds": [100, 101]},
    "report": {"seeds": 5},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worth")
    gd.sweep(SPEC, folder / "store")
    gd.leaderboard([folder / "store"], folder / "board", plots=False)
    return folder / "store"


def rows_of(store: Path) -> dict[str, dict[str, Any]]:
    board = json.loads((store.parent / "board" / "leaderboard.json").read_text())
    (comparison,) = board["comparisons"]
    return {row["method"]: row for row in comparison["rows"]}


def reports(store: Path, method: str, selection: str) -> dict[int, float]:
    lines = [json.loads(line) for line in (store / "records" / "report.jsonl").read_text().splitlines()]
    named = [each for each in lines if (each["cell"]["method"], each["search"]["selection"]) == (method, selection)]
    return {each["seed"]: each["metrics"]["test"]["accuracy"] for each in named}


def test_the_worth_is_the_mean_over_seeds_of_the_row_less_its_ablation(store: Path) -> None:
    row = rows_of(store)["kd"]
    headline = "tuned" if reports(store, "kd", "tuned") else "both"
    ours, theirs = reports(store, "kd", headline), reports(store, "kd", "ablated")
    assert set(ours) == set(theirs) == set(range(5))
    mean = sum(ours[seed] - theirs[seed] for seed in range(5)) / 5
    assert row["own_term"]["difference"] == pytest.approx(mean, abs=1e-12)
    assert row["own_term"]["low"] <= mean <= row["own_term"]["high"]
    assert "own_term" not in rows_of(store)["supervised"]


def test_a_term_set_to_nothing_by_hand_is_worth_nothing_exactly(store: Path) -> None:
    worth = rows_of(store)["at"]["own_term"]
    assert (worth["difference"], worth["low"], worth["high"]) == (0, 0, 0)
    page = (store.parent / "board" / "README.md").read_text()
    *_, cells = [line for line in page.splitlines() if re.match(r"\| at \|.*nothing measurable", line)]
    assert cells.rstrip(" |").endswith("0.00 (0.00 to 0.00), nothing measurable")


def test_another_configuration_under_the_name_of_the_ablation_is_refused(store: Path, tmp_path: Path) -> None:
    assert not [each for each in check_submission(store, [], "0.1.0").findings if each.check == "space"]
    forged = tmp_path / "forged"
    (forged / "records").mkdir(parents=True)
    for name in ("store.json", "plan.json", "spec.yaml"):
        (forged / name).write_bytes((store / name).read_bytes())
    for file in (store / "records").glob("*.jsonl"):
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        for each in lines:
            if each["cell"]["method"] == "kd" and (each["search"] or {}).get("selection") == "ablated":
                each["hparams"]["student.lr"] = 1e-9  # a student that cannot learn makes any term look good
        (forged / "records" / file.name).write_text("".join(json.dumps(each) + "\n" for each in lines))
    found = [each for each in check_submission(forged, [], "0.1.0").findings if each.check == "space"]
    assert [each.level for each in found] == ["refuse"]
    assert "student.lr = 1e-09" in str(found[0])


def test_on_one_fixed_split_a_term_set_to_nothing_is_worth_nothing_exactly_too(tmp_path: Path) -> None:
    """Both are the same runs: no test item could tell them apart, however few there are."""
    spec = {**SPEC, "split": "public", "methods": [{"name": "glnn", "fix": {"label_weight": 1.0}}]}
    gd.sweep(spec, tmp_path / "store")
    gd.leaderboard([tmp_path / "store"], tmp_path / "board", plots=False)
    worth = rows_of(tmp_path / "store")["glnn"]["own_term"]
    assert (worth["difference"], worth["low"], worth["high"]) == (0, 0, 0)
    assert not [each for each in check_submission(tmp_path / "store", [], "0.1.0").findings if each.level == "refuse"]


def test_on_one_fixed_split_with_predictions_the_test_items_decide(make_record: Any, make_store: Any) -> None:
    """McNemar's setting: of 400 items 40 are right with the term alone, 20 without it alone; Holm over two methods."""
    n, b, c, both = 400, 40, 20, 300
    on = np.r_[np.ones(b), np.zeros(c), np.ones(both), np.zeros(n - b - c - both)].astype(bool)
    off = np.r_[np.zeros(b), np.ones(c), np.ones(both), np.zeros(n - b - c - both)].astype(bool)
    told, files = [], []
    for method, without in (("kd", off), ("glnn", on)):
        for selection, right in (("tuned", on), ("ablated", without)):
            part = PredictedPart(np.arange(n), np.where(right, 1, 0)[None], right=right[None])
            files.append(Predictions({"all": part}).to_bytes(2))
            hparams = {"lr": 0.1, "weight": float(selection == "tuned")}
            record = make_record(method, float(right.mean()), selection=selection, hparams=hparams)
            items = Items(train=9, val=9, test=n)
            cell = record.cell.model_copy(update={"split_sha256": "a" * 64, "test_sha256": "b" * 64, "items": items})
            told.append(record.model_copy(update={"cell": cell, "predictions_sha256": sha256_of(files[-1])}))
    store = make_store(told)
    for content in files:
        write_predictions(store, content)
    (table,) = make_board(load_stores([store])).comparisons
    worth = {row.key.name: table.own_term(row) for row in table.rows}
    deviation = np.sqrt(b + c - (b - c) ** 2 / n) / n
    kd, glnn = worth["kd"], worth["glnn"]
    assert kd.test == "items_bootstrap"
    assert kd.difference == pytest.approx((b - c) / n)
    assert (kd.high - kd.low) / 2 == pytest.approx(1.96 * deviation, rel=0.08)
    assert kd.p_holm == pytest.approx(2 * kd.p)
    assert verdict(kd) == ""
    assert (glnn.difference, glnn.low, glnn.high, verdict(glnn)) == (0, 0, 0, "nothing measurable")


def test_every_file_and_the_overall_tell_the_worth(store: Path) -> None:
    board = store.parent / "board"
    document = json.loads((board / "leaderboard.json").read_text())
    rows = rows_of(store)
    (overall,) = document["overall"]
    for row in overall["rows"]:
        alone = rows[row["method"]].get("own_term")
        assert ("own_term" in row) == (alone is not None)
        assert alone is None or row["own_term"]["value"] == alone["difference"]
    page = (board / "README.md").read_text()
    assert "| Mean own term |" in page
    (table,) = [file for file in (board / "tables").glob("karate*.csv") if "speed" not in file.name]
    lines = {(line["method"], line["configuration"]): line for line in csv.DictReader(table.open())}
    parquet = pq.read_table(board / "leaderboard.parquet").to_pylist()
    kept = {(line["method"], line["configuration"]): line for line in parquet}
    for method in ("kd", "at"):
        name = (method, rows[method]["headline"])
        assert float(lines[name]["own_term"]) == kept[name]["own_term"] == rows[method]["own_term"]["difference"]
        assert lines[name]["own_term_verdict"] == kept[name]["own_term_verdict"] == rows[method]["own_term"]["verdict"]
    slim = {line["method"]: line for line in csv.DictReader((board / "tables" / "slim.csv").open())}
    latex = next((board / "tables").glob("karate*.tex")).read_text()
    for method in ("kd", "at"):
        worth = rows[method]["own_term"]
        told = [float(slim[method][f"own_term_{part}points"]) for part in ("", "low95_", "high95_")]
        assert told == [round(100 * worth[part], 2) for part in ("difference", "low", "high")]
        assert slim[method]["own_term_verdict"] == worth["verdict"]
        line = next(each for each in latex.splitlines() if each.startswith(f"{method} &"))
        value, low, high = (round(100 * worth[part], 2) + 0.0 for part in ("difference", "low", "high"))
        shown = [float(each) for each in re.findall(r"(?<!\d)[+-]?\d+\.\d+(?=\$| )", line.split("&")[4])]
        assert shown == [value, low, high], line
    assert "& Own term &" in latex
    assert "& Own term" in (board / "tables" / "overall-1.tex").read_text()
    assert rows["at"]["own_term"]["verdict"] == "nothing measurable"
