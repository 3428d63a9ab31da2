"""The command that a row shows is the one that made it: accepted by the command line, and it trains the same run."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_distillery.bench.cli import main
from graph_distillery.bench.cli.commands.run import settle
from graph_distillery.bench.records import read_records
from graph_distillery.leaderboard import build_board
from graph_distillery.leaderboard.read.evidence import Evidence

FAST = (
    "--set",
    "student.epochs=4",
    "--set",
    "teacher.epochs=4",
    "--set",
    "student.hidden=8",
    "--set",
    "teacher.hidden=8",
)


def commands(board: Path) -> dict[str, str]:
    """Method to command, of a board with one comparison."""
    document = json.loads((board / "leaderboard.json").read_text())
    rows = document["comparisons"][0]["rows"]
    return {row["method"]: row["configurations"][row["headline"]]["command"] for row in rows}


def scores(store: Path, method: str) -> dict[int, float]:
    found = [r for r in read_records(store).records if r.kind == "report" and r.cell.method == method]
    return {record.seed: record.metrics.test["accuracy"] for record in found}


def test_the_printed_command_trains_the_same_run_again(tmp_path, monkeypatch):
    monkeypatch.setenv("DISTILLERY_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    first = ["run", "--dataset", "digits-knn", "--method", "kd", "--seeds", "0,2", *FAST, "--set", "alpha=0.3", "--set",
             "student.lr=0.0123456789012345678", "--out", "first"]  # fmt: skip
    assert main(first) == 0
    build_board([tmp_path / "first"], tmp_path / "board", plots=False)
    command = commands(tmp_path / "board")["kd"]
    assert "--set method.alpha=0.3" in command
    assert "--set teacher.hidden=8" in command
    assert main(shlex.split(command)[1:]) == 0
    assert scores(tmp_path / "rerun", "kd") == scores(tmp_path / "first", "kd") != {}


def test_every_control_row_has_a_command_that_the_command_line_accepts(tmp_path, monkeypatch):
    monkeypatch.setenv("DISTILLERY_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--dataset", "digits-knn", "--method", "kd", "--seeds", "0", *FAST, "--out", "first"]) == 0
    build_board([tmp_path / "first"], tmp_path / "board", plots=False)
    found = commands(tmp_path / "board")
    assert found.keys() == {"teacher", "majority", "supervised", "kd"}
    for method in ("teacher", "majority", "supervised"):
        words = shlex.split(found[method])[1:]
        assert main([*words[:-1], f"again-{method}"]) == 0
        assert scores(tmp_path / f"again-{method}", method) == scores(tmp_path / "first", method)


@given(
    value=st.one_of(
        st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.booleans(), st.none(), st.text()
    )
)
def test_values_survive_the_shell_and_the_command_line(store_of, value):
    record = store_of.record("kd", hparams={"method.alpha": value})
    if isinstance(value, str) and any(ord(char) < 32 or not char.isprintable() for char in value):
        return  # no hyperparameter is such text, and YAML refuses it
    words = shlex.split(Evidence((record,)).command or "")
    pair = words[words.index("--set") + 1]
    back = settle((pair,), {"method": "kd", "student": "mlp", "teacher": "sage"})["method"]["alpha"]
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("name", ["; rm -rf /", "$(touch x)", "a b", "'", '"', "-x"])
def test_names_cannot_leave_their_word(store_of, name):
    record = store_of.record("kd", dataset=name, hparams={"method.alpha": 1})
    words = shlex.split(Evidence((record,)).command or "")
    assert words[words.index("--dataset") + 1] == name
