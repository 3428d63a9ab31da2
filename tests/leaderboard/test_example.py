"""The committed example board is what its committed records say."""

from __future__ import annotations

from pathlib import Path

import yaml

from graph_distillery.leaderboard.submission import check_submission
from graph_distillery.leaderboard.verification.verify import verify_board

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "leaderboard" / "example"


def test_the_example_board_agrees_with_its_stores():
    stores = sorted(path for path in (EXAMPLE / "stores").iterdir() if path.is_dir())
    named = " ".join(store.relative_to(ROOT).as_posix() for store in stores)
    again = f"run: distillery leaderboard {named} --out leaderboard/example/board"
    found = verify_board(EXAMPLE / "board", stores)
    assert not found.differences, "\n".join([*map(str, found.differences[:20]), again])
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "leaderboard.yml").read_text(encoding="utf-8"))
    assert ROOT / workflow["env"]["BOARD"] == EXAMPLE / "board"
    assert [ROOT / store for store in workflow["env"]["STORES"].split()] == stores


def test_nothing_in_the_examples_stores_would_be_refused():
    """Label propagation trains nothing: ten equal seeds of it are no copies."""
    stores = sorted(path for path in (EXAMPLE / "stores").iterdir() if path.is_dir())
    found = [check_submission(store) for store in stores] + [check_submission(stores[1], stores[:1])]
    assert [str(each.findings[0]) for each in found if each.refused] == []
    assert [each.contradicted for each in found] == [[], [], []]
