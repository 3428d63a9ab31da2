"""Mean ranks of the methods with their 95 % intervals over datasets."""

from __future__ import annotations

from graph_distillery.leaderboard.plots.canvas import BLUE, INK, VERMILION, Picture, canvas, short_names
from graph_distillery.leaderboard.tables.overall import Overall
from graph_distillery.leaderboard.text import TOO_FEW


def rank_picture(overall: Overall, number: int) -> Picture | None:
    """None for a single method."""
    rows = overall.rows
    if len(rows) < 2:
        return None
    with canvas(height=1.1 + 0.32 * len(rows)) as board:
        axes = board.axes
        for place, row in enumerate(rows):
            colour, rank = VERMILION if row.key.method == "supervised" else BLUE, row.rank
            if rank.low is not None and rank.high is not None:
                axes.plot([rank.low, rank.high], [place, place], color=colour, linewidth=3, alpha=0.5, zorder=2)
            (dot,) = axes.plot([rank.value], [place], "o", color=colour, markeredgecolor=INK, markersize=7, zorder=3)
            band = TOO_FEW if rank.low is None else f"95 % interval {rank.low:.2f} to {rank.high:.2f}"
            board.mark(dot, f"{row.key.name}: mean rank {rank.value:.2f}, {band}")
        axes.set_yticks(range(len(rows)), short_names([row.key.name for row in rows]))
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("mean rank (1 is best)")
        how = "too few for an interval, and so for an order that would hold on others"
        if rows[0].rank.low is not None:
            how = "with its 95 % interval, datasets a sample of datasets. Intervals that overlap widely are no ranking"
        caption = f"Mean rank over {overall.datasets} dataset{'' if overall.datasets == 1 else 's'}, {how}."
        return board.picture(f"ranks-{number}", f"Mean ranks: {overall.title}", caption, number)
