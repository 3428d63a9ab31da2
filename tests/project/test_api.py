"""The public API of `import graph_distillery as gd`: what a notebook does, from a spec to a board."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import graph_distillery as gd
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records.frame import COLUMNS

SPEC: dict[str, Any] = {
    "name": "api",
    "datasets": ["karate"],
    "split": "random-60-20-20",
    "teachers": [{"model": "gcn", "hidden": 8, "epochs": 5}],
    "students": [{"model": "mlp", "hidden": 8, "epochs": 5}],
    "methods": ["kd"],
    "search": {"trials": 2, "seeds": [100, 101], "sampler": "random"},
    "report": {"seeds": 3},
}


def test_a_sweep_a_frame_and_a_board(tmp_path: Path) -> None:
    store = gd.sweep(SPEC, out=tmp_path / "store")
    frame = store.to_frame()
    assert len(frame) == len(store.records())
    assert list(frame.columns[: len(COLUMNS)]) == list(COLUMNS)
    trials = frame[frame["kind"] == "trial"]
    assert set(trials[trials["method"] == "kd"]["seed"]) == {100, 101}
    reports = frame[(frame["kind"] == "report") & (frame["method"] == "kd")]
    assert set(reports["seed"]) == {0, 1, 2}
    assert reports["test.accuracy"].between(0, 1).all()
    assert frame[frame["kind"] != "report"]["test.accuracy"].isna().all()
    assert (frame[frame["method"] == "kd"]["method.tau"] > 0).all()
    assert gd.open_store(tmp_path / "store").records() == store.records()
    assert all(cell.trials_done == cell.trials_total for cell in store.status().cells)
    for number in range(2):
        board = gd.leaderboard([store], out=tmp_path / f"board-{number}", plots=False)
        assert board.path_readme.read_text().count("karate") > 0
    before = len(store.records())
    assert len(gd.sweep(SPEC, out=tmp_path / "store").records()) == before


def test_what_is_wrong_is_one_line_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'kd'") as caught:
        gd.sweep({**SPEC, "methods": ["kdd"]}, out=tmp_path / "store")
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="alpha"):
        gd.sweep({**SPEC, "methods": [{"name": "kd", "fix": {"alpha": 7.0}}]}, out=tmp_path / "store")
    chosen_on_test = [{"name": "oad", "variant": "official_code"}]
    with pytest.raises(UserError, match="only distillery reproduce runs it"):
        gd.sweep({**SPEC, "students": ["gcn"], "methods": chosen_on_test}, out=tmp_path / "store")
    assert not (tmp_path / "store").exists()
    with pytest.raises(UserError, match="is no store"):
        gd.open_store(tmp_path / "store")
    with pytest.raises(AttributeError, match="swep"):
        _ = gd.swep


def test_importing_it_is_light(repo_root: Path) -> None:
    code = "import sys, graph_distillery as gd; gd.sweep, gd.Store; heavy = {'torch', 'ray', 'pandas', 'optuna'}; "
    subprocess.run([sys.executable, "-c", f"{code} assert not heavy & set(sys.modules)"], cwd=repo_root, check=True)
