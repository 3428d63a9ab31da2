"""`distillery leaderboard`: stores in, board out. Loads neither torch nor ray."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.text import emit, emit_json, note

if TYPE_CHECKING:
    from leaderboard.published import PublishedTable


def run(stores: Sequence[Path], out: Path, as_json: bool, *, plots: bool = True) -> int:
    """Build the board at `out`; BoardError where it cannot."""
    from leaderboard import build_board
    from leaderboard.text import visible

    result = build_board(stores, out, plots=plots, published=published_in(stores))
    for warning in result.warnings:
        note(f"warning: {visible(warning)}")
    if as_json:
        files = [str(path) for path in result.files]
        emit_json({"board": str(result.path_readme), "files": files, "warnings": result.warnings})
    else:
        emit(str(result.path_readme))
    return 0


def published_in(stores: Sequence[Path]) -> list[PublishedTable]:
    """The papers' tables that these stores are stages of: as `reproduce` keeps them, in TABLE/STAGE."""
    papers = Path(__file__).parents[1] / "papers"
    if not any((papers / f"{store.resolve().parent.name}.yaml").is_file() for store in stores):
        return []
    from bench.cli.published import of_stores

    return of_stores(stores)
