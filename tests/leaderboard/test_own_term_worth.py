"""What a method's own term is worth, from a real sweep to the board, and a store that reports another configuration."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import graph_distillery as gd
from graph_distillery.leaderboard.submission import check_submission

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
    (cells,) = [line for line in page.splitlines() if re.match(r"\| at \|.*nothing measurable", line)]
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
