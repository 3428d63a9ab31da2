"""Performance profiles (Agarwal et al., NeurIPS 2021): the share of runs above every normalised score."""

from __future__ import annotations

from graph_distillery.leaderboard.plots.canvas import Picture, canvas, line_styles, short_names
from graph_distillery.leaderboard.tables.overall import Overall

MOST = 8  # lines that can be told apart


def profile_picture(overall: Overall, number: int) -> Picture | None:
    """None where fewer than two methods have a profile. Of many, the best by mean rank, and the student alone."""
    from graph_distillery.leaderboard.statistics.across import PROFILE_GRID

    rows = [row for row in overall.rows if row.profile is not None]
    if len(rows) < 2:
        return None
    chosen = [row for i, row in enumerate(rows) if i < MOST - 1 or row.key.method == "supervised"][:MOST]
    with canvas(height=3.6) as board:
        axes = board.axes
        styles = line_styles([row.key.method for row in chosen])
        names = short_names([row.key.name for row in chosen])
        for row, (colour, dash), name in zip(chosen, styles, names, strict=True):
            if row.profile is None:
                continue
            axes.fill_between(
                PROFILE_GRID, [100 * v for v in row.profile.low], [100 * v for v in row.profile.high], color=colour,
                alpha=0.13, linewidth=0,
            )  # fmt: skip
            share = [100 * v for v in row.profile.share]
            (line,) = axes.plot(PROFILE_GRID, share, color=colour, linestyle=dash, label=name)
            half = next((x for x, y in zip(PROFILE_GRID, share, strict=True) if y < 50), PROFILE_GRID[-1])
            board.mark(line, f"{row.key.name}: half of its runs score above {half:.2f}")
        highs = [x for row in chosen if row.profile for x, y in zip(PROFILE_GRID, row.profile.high, strict=True) if y]
        lows = [x for row in chosen if row.profile for x, y in zip(PROFILE_GRID, row.profile.low, strict=True) if y < 1]
        axes.set_xlim(max(0.0, min(lows, default=0.0) - 0.05), max(highs, default=1.0) + 0.02)
        axes.set_ylim(0, 103)
        axes.set_xlabel("normalised score: 0 majority class, 1 teacher" if overall.teacher else "normalised score")
        axes.set_ylabel("runs above (%)")
        board.legend()
        left = "" if len(chosen) == len(rows) else f" The best {len(chosen)} of {len(rows)} methods by mean rank."
        caption = f"The share of runs that score above each value, mean over datasets, with 95 % bands.{left}"
        return board.picture(f"profile-{number}", f"Performance profiles: {overall.title}", caption, number)
