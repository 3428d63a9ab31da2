"""Budget curves: the best validation score so far against the number of trials, over all orders of the trials."""

from __future__ import annotations

from graph_distillery.leaderboard.plots.canvas import Picture, canvas, line_styles, short_names
from graph_distillery.leaderboard.tables.comparison import Comparison
from graph_distillery.leaderboard.text import metric_title

MOST = 12  # lines that can be told apart
BANDS = 3  # bands over bands hide each other: only so many lines have one


def budget_picture(comparison: Comparison) -> Picture | None:
    """None where no row searched over at least two trials."""
    found = [(row.key, curve) for row in comparison.rows if (curve := row.tuning.curve) and curve.trials > 1]
    if not found:
        return None
    left = len(found) - MOST
    found = sorted(found, key=lambda each: -each[1].mean[-1])[:MOST]
    from matplotlib.ticker import MaxNLocator

    with canvas(height=3.4) as board:
        axes = board.axes
        styles = line_styles([key.method for key, _ in found])
        names = short_names([key.name for key, _ in found])
        for (key, curve), (colour, dash), name in zip(found, styles, names, strict=True):
            trials, best = range(1, curve.trials + 1), [100 * value for value in curve.mean]
            if len(found) <= BANDS:
                low, high = ([100 * value for value in ends] for ends in (curve.low, curve.high))
                axes.fill_between(trials, low, high, color=colour, alpha=0.12, linewidth=0)
            (line,) = axes.plot(trials, best, color=colour, linestyle=dash, label=name)
            board.mark(line, f"{key.name}: {best[0]:.2f} % after 1 trial, {best[-1]:.2f} % after {curve.trials}")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("trials")
        axes.set_ylabel(f"best validation {metric_title(comparison.data.metric)} (%)")
        board.legend()
        caption = (
            "Best mean validation score so far, expected over all orders in which the trials could have come. A line "
            "that still climbs at its end says that the budget was too small."
            + (f" The best {MOST}; {left} more are left out." if left > 0 else "")
        )
        return board.picture(f"budget-{comparison.slug}", f"Budget: {comparison.title}", caption, comparison.slug)
