"""Stores in, board out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from graph_distillery.bench.records.sharing import collector_paused
from graph_distillery.leaderboard.read.load import load_stores
from graph_distillery.leaderboard.reproduction.cells import ReproductionTable
from graph_distillery.leaderboard.tables.board import make_board
from graph_distillery.leaderboard.write import check_output, write_board


@dataclass(frozen=True)
class BoardResult:
    """What was written, what the reader of the stores should know, and each table's title by its slug or number."""

    path_readme: Path
    files: list[Path]
    warnings: list[str]
    titles: dict[str, str] = field(default_factory=dict)


def build_board(
    stores: Iterable[Path], out: Path, *, plots: bool = True, published: Iterable[ReproductionTable] = ()
) -> BoardResult:
    """Build the board of all stores at ``out``; BoardError, one line and nothing written, where it cannot.

    published: tables of papers that the stores were run for, whose verdicts the page lists.
    """
    out = Path(out)
    check_output(out)
    with collector_paused():
        loaded = load_stores(stores)
        board = replace(make_board(loaded), published=tuple(published))
        files = write_board(board, out, loaded.records, plots=plots)
    readme = next(path for path in files if path.name == "README.md")
    titles = {each.slug: each.title for each in board.comparisons}
    titles |= {str(number): each.title for number, each in enumerate(board.overall, start=1)}
    return BoardResult(readme, files, [*loaded.warnings, *board.warnings], titles)
