"""The demo: once in full, and once cut down."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.cli.commands import demo
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.spec import read_spec


def test_the_demo_is_what_it_promises() -> None:
    plan = demo.demo_plan()
    assert plan.spec.datasets == ("digits-knn",)
    assert len(plan.spec.methods) >= 5
    assert plan.left_out == ()


def test_the_demo_says_its_cost_first_and_the_board_last(
    distillery: Callable[..., Any],
    write_spec: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def small() -> Plan:
        return make_plan(read_spec(write_spec()))

    monkeypatch.setattr(demo, "demo_plan", small)
    done = distillery("demo", "--out", "here", "--workers", "0")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].startswith("demo: 4 cells")
    assert "cost: at most" in lines[1]
    assert lines[-1] == f"board: {tmp_path / 'here' / 'board' / 'README.md'}"
    assert (tmp_path / "here" / "board" / "README.md").is_file()
    again = distillery("demo", "--out", "here", "--workers", "0")
    assert again.code == 0
    assert "nothing is left to do" in again.out
    assert again.out.splitlines()[-1] == lines[-1]


def test_the_demo_does_not_touch_a_folder_that_is_no_board(distillery: Callable[..., Any], tmp_path: Path) -> None:
    own = tmp_path / "here" / "board" / "notes.txt"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    done = distillery("demo", "--out", "here")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert own.read_text() == "mine"
    assert not (tmp_path / "here" / "store").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_whole_demo_runs_within_minutes(distillery: Callable[..., Any], tmp_path: Path) -> None:
    began = time.monotonic()
    assert distillery("demo", "--workers", "2").code == 0
    assert time.monotonic() - began < 600, "3 minutes on an idle machine"
    board = (tmp_path / "distillery-demo" / "board" / "README.md").read_text(encoding="utf-8")
    assert all(name in board for name in ("glnn", "fitnet", "label-propagation", "majority", "teacher"))
