"""Chances of improvement (Agarwal et al., NeurIPS 2021): how often a run of one method beats a run of another."""

from __future__ import annotations

from graph_distillery.leaderboard.plots.canvas import ON_DARK, ON_LIGHT, Picture, canvas, short_names
from graph_distillery.leaderboard.tables.overall import Overall

MOST = 16  # methods that a square can name


def improvement_picture(overall: Overall, number: int) -> Picture | None:
    """None for fewer than three methods; of many, the best by mean rank."""
    keys = [row.key for row in overall.rows][:MOST]
    if len(keys) < 3:
        return None
    names = short_names([key.name for key in keys], 20)
    with canvas(width=1.9 + 0.52 * len(keys), height=1.5 + 0.36 * len(keys)) as board:
        import matplotlib as mpl
        from matplotlib.patches import Rectangle

        colours, axes = mpl.colormaps["PuOr_r"], board.axes
        for (one, other), chance in overall.improvement.items():
            if one not in keys or other not in keys:
                continue
            x, y = keys.index(other), keys.index(one)
            for column, row, value in ((x, y, chance.value), (y, x, 1 - chance.value)):
                shade = colours(value)
                box = Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, facecolor=shade, edgecolor="none")
                axes.add_patch(box)
                dark = 0.2126 * shade[0] + 0.7152 * shade[1] + 0.0722 * shade[2] < 0.45
                ink = ON_DARK if dark else ON_LIGHT
                axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=9, color=ink)
                ends = [end if row == y else 1 - end for end in (chance.low, chance.high) if end is not None]
                band = f", 95 % interval {100 * min(ends):.0f} to {100 * max(ends):.0f} %" if ends else ""
                board.mark(box, f"{keys[row].name} beats {keys[column].name} in {100 * value:.1f} % of pairs{band}")
        axes.set_xlim(-0.5, len(keys) - 0.5)
        axes.set_ylim(len(keys) - 0.5, -0.5)
        axes.set_xticks(range(len(keys)), names, rotation=30, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(keys)), names)
        axes.set_ylabel("a run of ...")
        axes.set_xlabel("... beats a run of")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        caption = (
            "How often a run of the method on the left beats one of the method below, in percent, ties as half, mean "
            "over comparisons. 50 is a coin."
        )
        title = f"Chances of improvement: {overall.title}"
        return board.picture(f"improvement-{number}", title, caption, number)
