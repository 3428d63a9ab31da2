"""The leaderboard: turns stores of records into tables, statistics and plots.

``build_board`` does all of it; ``load_stores``, ``make_board`` and ``write_board`` are its three steps.
Plotting and statistics libraries load when first used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import Any

from graph_distillery.leaderboard.build import BoardResult, build_board
from graph_distillery.leaderboard.errors import BoardError
from graph_distillery.leaderboard.read.load import Loaded, load_stores
from graph_distillery.leaderboard.tables.board import Board, make_board
from graph_distillery.leaderboard.write import write_board

__all__ = [
    "Board",
    "BoardError",
    "BoardResult",
    "Loaded",
    "build_board",
    "load_stores",
    "make_board",
    "write_board",
]


class _Room(ModuleType):
    """This room, which may be called: `import graph_distillery as gd; gd.leaderboard([store], out="board")`.

    Once a module of it is imported, Python keeps the room itself as `graph_distillery.leaderboard`; a function of the
    public API under that name would be there or not, by what was imported before.
    """

    def __call__(self, stores: Iterable[str | PathLike[str]], out: str | PathLike[str], **more: Any) -> BoardResult:
        return build_board(map(Path, stores), Path(out), **more)


sys.modules[__name__].__class__ = _Room
