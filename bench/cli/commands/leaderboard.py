"""`distillery leaderboard`: stores in, board out. Loads neither torch nor ray."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from graph_distillery.bench.cli.terminal import emit, emit_json, note
from graph_distillery.bench.errors import UserError

if TYPE_CHECKING:
    from graph_distillery.leaderboard.read.load import Accepting
    from graph_distillery.leaderboard.reproduction import ReproductionTable


def run(
    stores: Sequence[Path],
    out: Path,
    as_json: bool,
    *,
    plots: bool = True,
    board: Path | None = None,
    since: Path | None = None,
) -> int:
    """Build the board at `out`, by a `board.yaml` where one is given; BoardError where it cannot.

    since: an earlier version of it, whose changes are told.
    """
    from graph_distillery.leaderboard import build_board
    from graph_distillery.leaderboard.read.load import accepting
    from graph_distillery.leaderboard.text import visible

    stores = named_stores(stores, accepting(board))
    rows, published = split_stages(stores)
    result = build_board(rows, out, plots=plots, published=published, board=board, since=since)
    for warning in result.warnings:
        note(f"warning: {visible(warning)}")
    if as_json:
        files = [str(path) for path in result.files]
        emit_json({"board": str(result.path_readme), "files": files, "warnings": result.warnings})
    else:
        emit(str(result.path_readme))
    return 0


def named_stores(stores: Sequence[Path], accepted: Accepting | None) -> Sequence[Path]:
    """The stores of the command, or all that a `board.yaml` accepts; UserError where neither names one."""
    if not stores and accepted is None:
        raise UserError("STORE...: name a store, or with --board a board.yaml whose stores are read")
    return accepted.stores(stores) if accepted else stores


def split_stages(stores: Sequence[Path]) -> tuple[list[Path], list[ReproductionTable]]:
    """The stores that make a board's rows, and the papers' tables that some are stages of, as `reproduce` keeps them.

    A stage that runs rows of another one otherwise is told of, and makes no rows.
    """
    papers = Path(__file__).parents[2] / "papers"
    if not any((papers / f"{store.resolve().parent.name}.yaml").is_file() for store in stores):
        return list(stores), []
    from graph_distillery.bench.cli.reproduction import of_stores, variations

    beside = variations(stores)
    for store, other in beside.items():
        note(f"{store}: runs rows of {other} in another way, and is no part of the board but of its table")
    return [store for store in stores if store not in beside], of_stores(stores)
