"""All pictures of a board."""

from __future__ import annotations

from collections.abc import Iterator

from graph_distillery.leaderboard.plots.budget import budget_picture
from graph_distillery.leaderboard.plots.canvas import Picture
from graph_distillery.leaderboard.plots.critical import critical_difference
from graph_distillery.leaderboard.plots.heatmap import heat_map
from graph_distillery.leaderboard.plots.importance import importance_picture
from graph_distillery.leaderboard.plots.improvement import improvement_picture
from graph_distillery.leaderboard.plots.pareto import pareto_pictures
from graph_distillery.leaderboard.plots.profile import profile_picture
from graph_distillery.leaderboard.plots.ranks import rank_picture
from graph_distillery.leaderboard.plots.seeds import seed_picture
from graph_distillery.leaderboard.tables.board import Board

__all__ = ["Picture", "draw_pictures"]


def draw_pictures(board: Board) -> Iterator[Picture]:
    """The overall pictures first, then those of each comparison; a picture with nothing to show is left out."""
    for number, overall in enumerate(board.overall, start=1):
        for picture in (
            rank_picture(overall, number),
            critical_difference(overall, number),
            profile_picture(overall, number),
            heat_map(overall, number),
            improvement_picture(overall, number),
            importance_picture(overall, number),
        ):
            if picture:
                yield picture
    for comparison in board.comparisons:
        yield from pareto_pictures(comparison)
        for drawn in (seed_picture(comparison), budget_picture(comparison)):
            if drawn:
                yield drawn
