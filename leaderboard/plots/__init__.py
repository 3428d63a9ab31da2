"""All pictures of a board."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.board import Board
from leaderboard.plots.budget import budget_picture
from leaderboard.plots.canvas import Picture
from leaderboard.plots.critical import critical_difference
from leaderboard.plots.heatmap import heat_map
from leaderboard.plots.importance import importance_picture
from leaderboard.plots.improvement import improvement_picture
from leaderboard.plots.pareto import pareto_pictures
from leaderboard.plots.profile import profile_picture
from leaderboard.plots.ranks import rank_picture
from leaderboard.plots.seeds import seed_picture

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
