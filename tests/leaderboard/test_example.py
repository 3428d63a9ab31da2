"""The committed example board is what its committed records say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from graph_distillery.leaderboard import build_board
from graph_distillery.leaderboard.submission import check_submission
from graph_distillery.leaderboard.verification.verify import verify_board

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "leaderboard" / "example"
STORES = sorted(path for path in (EXAMPLE / "stores").iterdir() if path.is_dir())
AGAIN = f"run: distillery leaderboard {' '.join(f'leaderboard/example/stores/{path.name}' for path in STORES)} \
--out leaderboard/example/board"


def test_the_numbers_of_the_example_follow_from_its_stores(tmp_path, near):
    """Without pictures; those are compared below, and by leaderboard.yml on every change."""
    build_board(STORES, tmp_path / "board", plots=False)
    shown, again = (
        json.loads((folder / "leaderboard.json").read_text()) for folder in (EXAMPLE / "board", tmp_path / "board")
    )
    assert list(shown) == list(again)
    for name in shown:
        assert near(shown[name], again[name]), f"{name}; {AGAIN}"


def test_its_workflow_verifies_it():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "leaderboard.yml").read_text(encoding="utf-8"))
    assert ROOT / workflow["env"]["BOARD"] == EXAMPLE / "board"
    assert [ROOT / store for store in workflow["env"]["STORES"].split()] == STORES


@pytest.mark.slow
def test_the_example_board_agrees_with_its_stores_to_the_last_picture():
    found = verify_board(EXAMPLE / "board", STORES)
    assert not found.differences, "\n".join([*map(str, found.differences[:20]), AGAIN])


def test_nothing_in_the_examples_stores_would_be_refused():
    """Label propagation trains nothing: ten equal seeds of it are no copies."""
    found = [check_submission(store) for store in STORES] + [check_submission(STORES[1], STORES[:1])]
    assert [str(each.findings[0]) for each in found if each.refused] == []
    assert [each.contradicted for each in found] == [[], [], []]
