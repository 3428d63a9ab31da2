"""Methods against datasets: the mean score in every cell, coloured by the gain over the student alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph_distillery.leaderboard.plots.canvas import FAINT, ON_DARK, ON_LIGHT, Picture, canvas, short_names
from graph_distillery.leaderboard.read.rows import RANKED, RowKey
from graph_distillery.leaderboard.tables.overall import Overall
from graph_distillery.leaderboard.text import signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FULL = 0.15  # the gain, as a fraction, that takes the strongest colour
DARK = 0.45  # the luminance under which letters are white


def heat_map(overall: Overall, number: int) -> Picture | None:
    """None for a single dataset."""
    columns = overall.comparisons
    if len(columns) < 2:
        return None
    ranked = [row.key for row in overall.rows]
    everyone = {row.key for each in columns for row in each.rows if row.role in RANKED}
    keys = [*ranked, *sorted(everyone - set(ranked))]
    names = short_names([each.data.dataset for each in columns], 16)
    if len({each.data.dataset for each in columns}) < len(columns):
        both = [(each.data.dataset, each.data.split) for each in columns]
        parts = [short_names([name for name, _ in both], 16), short_names([split for _, split in both], 16)]
        names = [f"{name}\n{split}" for name, split in zip(*parts, strict=True)]
    with canvas(width=max(4.8, 1.7 + 0.62 * len(columns)), height=1.3 + 0.36 * len(keys)) as board:
        import matplotlib as mpl
        from matplotlib.patches import Rectangle

        colours, scale = mpl.colormaps["PuOr_r"], mpl.colors.Normalize(-FULL, FULL, clip=True)
        for x, each in enumerate(columns):
            rows = {row.key: row for row in each.rows}
            for y, key in enumerate(keys):
                row = rows.get(key)
                if row is None or row.summary is None:
                    board.axes.text(x, y, "–", ha="center", va="center", color=FAINT)
                    continue
                gain = each.gain(row)
                shade = colours(scale(gain)) if gain is not None else (0.93, 0.94, 0.95, 1.0)
                box = Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=shade, edgecolor="none")
                board.axes.add_patch(box)
                dark = 0.2126 * shade[0] + 0.7152 * shade[1] + 0.0722 * shade[2] < DARK
                value = f"{100 * row.summary.mean:.1f}" + ("" if row.complete else "*")
                board.axes.text(x, y, value, ha="center", va="center", fontsize=9, color=ON_DARK if dark else ON_LIGHT)
                gained = f", gain {signed(gain)} points" if gain is not None else ""
                board.mark(
                    box, f"{key.name} on {each.data.dataset}: {100 * row.summary.mean:.2f} %{gained}, {row.status}"
                )
        _axes(board.axes, names, keys)
        caption = (
            "Mean test score in percent. Colour: mean gain over the student alone on the same seeds, violet below and "
            f"orange above, full at {100 * FULL:.0f} points; grey has no gain to show. A star marks an incomplete cell."
        )
        return board.picture(f"heat-map-{number}", f"Methods and datasets: {overall.title}", caption, number)


def _axes(axes: Axes, names: list[str], keys: list[RowKey]) -> None:
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(len(keys) - 0.5, -0.5)
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(keys)), short_names([key.name for key in keys]))
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
