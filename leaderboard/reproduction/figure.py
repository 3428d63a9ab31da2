"""The picture of a table: published against ours, with intervals."""

from __future__ import annotations

from pathlib import Path

from graph_distillery.leaderboard.plots.canvas import BLUE, GREEN, GREY, INK, PAPER, VERMILION, house_figure
from graph_distillery.leaderboard.reproduction.cells import ReproductionTable
from graph_distillery.leaderboard.reproduction.verdicts import verdict_of

COLOURS = {"reproduced": GREEN, "above": BLUE, "below": VERMILION, "not judged": GREY}


def draw(reproduction: ReproductionTable, path: Path) -> bool:
    """Write an SVG with a panel per column; False where no cell has both a published number and ours.

    Published: mean and standard deviation. Ours: mean and 95 % interval, coloured by verdict.
    """
    shown = [c for c in reproduction.cells if c.published is not None and c.ours.summary is not None]
    columns = [name for name in reproduction.columns if any(cell.column == name for cell in shown)]
    if not columns:
        return False
    from matplotlib.lines import Line2D

    across = min(4, len(columns))
    down = -(-len(columns) // across)
    rows = list(reproduction.rows)
    with house_figure(3.1 * across + 1, (0.42 * len(rows) + 1.1) * down) as figure:
        panels = figure.subplots(down, across, squeeze=False, sharey=True)
        for panel in panels.flat[len(columns) :]:
            panel.set_axis_off()
        for panel, column in zip(panels.flat, columns, strict=False):
            for place, row in enumerate(rows):
                cell = next((c for c in shown if (c.row, c.column) == (row, column)), None)
                if cell is None or cell.published is None:
                    continue
                summary = cell.ours.summary
                assert summary is not None
                low, high = (summary.mean if end is None else end for end in (summary.low, summary.high))
                reach = [[summary.mean - low], [high - summary.mean]]
                bars = {"capsize": 3, "elinewidth": 1.2}
                theirs = cell.published
                panel.errorbar(theirs.mean, place - 0.14, xerr=theirs.std or 0, fmt="D", ms=5, c=INK, mfc=PAPER, **bars)
                colour = COLOURS[verdict_of(cell).kind]
                panel.errorbar(summary.mean, place + 0.14, xerr=reach, fmt="o", ms=6, c=colour, **bars)
            panel.set_title(column)
            panel.set_yticks(range(len(rows)), rows)
            panel.set_ylim(len(rows) - 0.5, -0.5)
        figure.supxlabel(f"test {reproduction.metric} (%)", fontsize=10)
        handles = [Line2D([], [], marker="D", c=INK, mfc=PAPER, ls="", label="published ± std")]
        kinds = {verdict_of(cell).kind for cell in shown}
        handles += [
            Line2D([], [], marker="o", c=colour, ls="", label=f"ours: {kind}")
            for kind, colour in COLOURS.items()
            if kind in kinds
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False)
        figure.savefig(path, metadata={"Date": None, "Creator": None})
    return True
