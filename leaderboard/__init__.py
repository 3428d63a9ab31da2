"""The leaderboard: turns stores of records into tables, statistics and plots.

``build_board`` does all of it; ``load_stores``, ``make_board`` and ``write_board`` are its three steps.
Plotting and statistics libraries load when first used.
"""

from __future__ import annotations

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
