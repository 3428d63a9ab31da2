"""Stores in, board out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path

from graph_distillery.bench.records.sharing import collector_paused
from graph_distillery.leaderboard.read.load import Accepting, accepting, load_stores
from graph_distillery.leaderboard.reproduction.cells import ReproductionTable
from graph_distillery.leaderboard.tables.board import make_board
from graph_distillery.leaderboard.tables.changes import Earlier, read_earlier
from graph_distillery.leaderboard.tables.document import DOCUMENT_VERSION
from graph_distillery.leaderboard.write import check_output, write_board


@dataclass(frozen=True)
class BoardResult:
    """What was written, what the reader of the stores should know, and each table's title by its slug or number."""

    path_readme: Path
    files: list[Path]
    warnings: list[str]
    titles: dict[str, str] = field(default_factory=dict)


def build_board(
    stores: Iterable[Path],
    out: Path,
    *,
    plots: bool = True,
    published: Iterable[ReproductionTable] = (),
    board: str | PathLike[str] | None = None,
    since: str | PathLike[str] | None = None,
) -> BoardResult:
    """Build the board of all stores at ``out``; BoardError, one line and nothing written, where it cannot.

    published: tables of papers that the stores were run for, whose verdicts the page lists. board: the `board.yaml`
    that says what the board is; the stores must be among those it accepts, and where none is given all of these are
    read. since: an earlier version of the board, its folder or its `leaderboard.json`; the page tells what changed.
    Default: what board.yaml names as ``previous``.
    """
    out = Path(out)
    accepted = accepting(board)
    beside = accepted.beside(out) if accepted else frozenset()
    check_output(out, beside)
    with collector_paused():
        earlier = _earlier(since, accepted)
        loaded = load_stores(accepted.stores(stores) if accepted else stores, accepted)
        made = make_board(loaded, accepted.file if accepted else None)
        made = replace(made, published=tuple(published), earlier=earlier)
        files = write_board(made, out, loaded.records, plots=plots, beside=beside)
    readme = next(path for path in files if path.name == "README.md")
    titles = {each.slug: each.title for each in made.comparisons}
    titles |= {str(number): each.title for number, each in enumerate(made.overall, start=1)}
    return BoardResult(readme, files, [*loaded.warnings, *made.warnings], titles)


def _earlier(since: str | PathLike[str] | None, accepted: Accepting | None) -> Earlier | None:
    if since is not None:
        return read_earlier(Path(since), DOCUMENT_VERSION)
    if accepted and accepted.file.previous is not None:
        return read_earlier(accepted.path.parent / accepted.file.previous, DOCUMENT_VERSION)
    return None
