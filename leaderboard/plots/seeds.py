"""The scores of every seed, a line of dots per method, with the mean and its 95 % interval."""

from __future__ import annotations

from graph_distillery.leaderboard.plots.canvas import INK, ROLE_COLOURS, Picture, canvas, short_names
from graph_distillery.leaderboard.tables.comparison import Comparison
from graph_distillery.leaderboard.text import interval, metric_title, score


def seed_picture(comparison: Comparison) -> Picture | None:
    """None where no row has two seeds."""
    rows = [row for row in comparison.rows if row.summary and row.role != "majority"]
    if not any(len(row.test) > 1 for row in rows):
        return None
    rows.sort(key=lambda row: row.summary.mean if row.summary else 0.0)
    metric = metric_title(comparison.data.metric)
    with canvas(height=1.2 + 0.34 * len(rows)) as board:
        axes = board.axes
        for height, row in enumerate(rows):
            colour, summary = ROLE_COLOURS[row.role], row.summary
            axes.plot(
                [100 * value for _, value in sorted(row.test.items())], [height] * len(row.test), "o", color=colour,
                markersize=4.5, alpha=0.45, markeredgewidth=0, zorder=2,
            )  # fmt: skip
            if summary is None:
                continue
            if summary.low is not None and summary.high is not None:
                axes.plot([100 * summary.low, 100 * summary.high], [height] * 2, color=colour, linewidth=2.4, zorder=3)
            (dot,) = axes.plot([100 * summary.mean], [height], "D", color=INK, markersize=5, zorder=4)
            band = f", 95 % interval {interval(summary)}" if summary.low is not None else ""
            board.mark(dot, f"{row.key.name}: {score(summary)} over {summary.n} runs{band}")
        axes.set_yticks(range(len(rows)), short_names([row.key.name for row in rows]))
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(f"test {metric} (%)")
        caption = "Each dot is one report seed; the diamond is the mean, the bar its 95 % interval."
        return board.picture(f"seeds-{comparison.slug}", f"Seeds: {comparison.title}", caption, comparison.slug)
