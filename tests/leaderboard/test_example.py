"""The committed example board is what its committed records say."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import yaml

from graph_distillery.leaderboard.submission import check_submission
from graph_distillery.leaderboard.verification.drawings import is_drawing
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


def test_a_picture_stays_in_its_place_and_is_called_what_it_shows(tmp_path):
    """The audit's: a figure with a negative margin over a table, one in a table's place, an alt text of one's own."""
    stores, board = sorted(path for path in (EXAMPLE / "stores").iterdir() if path.is_dir()), tmp_path / "board"
    shutil.copytree(EXAMPLE / "board", board)
    page, readme = board / "index.html", board / "README.md"
    text = page.read_text(encoding="utf-8")
    figure = re.search(r"<figure id=.*?</figure>", text, re.DOTALL)[0]
    assert is_drawing(figure)
    assert not is_drawing(figure.replace("<figure ", '<figure style="margin-top:-900px" ', 1))
    assert not is_drawing(figure.replace("max-width:", "margin-top:-900px;max-width:", 1))
    assert not is_drawing(figure.replace("<svg ", '<svg overflow="visible" ', 1))
    moved = text.replace('<div class="scroll"', f'<div class="figures">{figure}</div><div class="scroll"', 1)
    page.write_text(moved, encoding="utf-8")
    words = readme.read_text(encoding="utf-8")
    readme.write_text(words.replace("![Mean ranks: ", "![kd is the best of all: ", 1), encoding="utf-8")
    found = {(each.file, each.column) for each in verify_board(board, stores).differences}
    assert ("README.md", "words of the picture") in found
    assert any(file == "index.html" for file, _ in found)
