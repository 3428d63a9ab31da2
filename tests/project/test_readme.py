from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from graph_distillery.bench.documents.picture import BOARD, PICTURE, SHOWN, board_digest, photograph, pictured
from graph_distillery.bench.documents.tables import FACTS, method_facts, pages, refresh
from graph_distillery.bench.errors import UserError


def test_the_tables_of_the_pages_are_those_of_the_registries() -> None:
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages()}
    assert sum(text.count("<!-- table: ") for text in texts.values()) == 5
    assert [name for name, text in texts.items() if refresh(text) != text] == [], "run: make readme"
    assert FACTS.read_text(encoding="utf-8") == method_facts(), "run: make readme"


def test_the_picture_of_the_readme_is_of_the_published_board(repo_root: Path) -> None:
    assert f"]({PICTURE.relative_to(repo_root).as_posix()})" in (repo_root / "README.md").read_text()
    assert pictured(PICTURE) == board_digest(BOARD), "run: make picture"


def test_a_photograph_names_the_numbers_of_its_board(require_or_skip: Callable[..., None], tmp_path: Path) -> None:
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        require_or_skip("chromium", "no Chromium on this machine")
    board, picture = tmp_path / "board", tmp_path / "picture.png"
    board.mkdir()
    for name in ("index.html", "leaderboard.json"):
        shutil.copy(BOARD / name, board / name)
    with pytest.raises(UserError, match=r"no row of .* answers dataset=cora&under=0\.001"):
        photograph(board, picture, {"dataset": "cora", "under": "0.001"})
    photograph(board, picture, SHOWN)
    assert pictured(picture) == board_digest(BOARD)
    numbers = board / "leaderboard.json"
    numbers.write_text(numbers.read_text().replace("0.", "0.9", 1))
    assert pictured(picture) != board_digest(board)
    assert 100_000 < picture.stat().st_size < 300_000  # a blank page is a few thousand bytes
