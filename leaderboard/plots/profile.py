"""Performance profiles (Agarwal et al., NeurIPS 2021): the share of runs above every normalised score."""

from __future__ import annotations

from leaderboard.overall import Overall
from leaderboard.plots.canvas import SERIES, Picture, canvas, short
from leaderboard.text import family_title

DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
MOST = 8  # lines that can be told apart


def profile_picture(overall: Overall, number: int) -> Picture | None:
    """None where fewer than two methods have a profile. Of many, the best by mean rank, and the student alone."""
    from leaderboard.statistics.across import PROFILE_GRID

    rows = [row for row in overall.rows if row.profile is not None]
    if len(rows) < 2:
        return None
    chosen = [row for i, row in enumerate(rows) if i < MOST - 1 or row.key.method == "supervised"][:MOST]
    with canvas(height=4.0) as board:
        axes = board.axes
        for index, row in enumerate(chosen):
            if row.profile is None:
                continue
            colour, dash = SERIES[index % len(SERIES)], DASHES[(index // len(SERIES)) % len(DASHES)]
            axes.fill_between(
                PROFILE_GRID, [100 * v for v in row.profile.low], [100 * v for v in row.profile.high], color=colour,
                alpha=0.13, linewidth=0,
            )  # fmt: skip
            share = [100 * v for v in row.profile.share]
            (line,) = axes.plot(PROFILE_GRID, share, color=colour, linestyle=dash, label=short(row.key.name))
            half = next((x for x, y in zip(PROFILE_GRID, share, strict=True) if y < 50), PROFILE_GRID[-1])
            board.mark(line, f"{row.key.name}: half of its runs score above {half:.2f}")
        reached = [x for row in chosen if row.profile for x, y in zip(PROFILE_GRID, row.profile.high, strict=True) if y]
        axes.set_xlim(0, max(reached, default=1.0) + 0.02)
        axes.set_ylim(0, 103)
        axes.set_xlabel("normalised score: 0 majority class, 1 teacher" if overall.teacher else "normalised score")
        axes.set_ylabel("runs above (%)")
        axes.legend(loc="lower left")
        left = "" if len(chosen) == len(rows) else f" The best {len(chosen)} of {len(rows)} methods by mean rank."
        caption = f"The share of runs that score above each value, mean over datasets, with 95 % bands.{left}"
        return board.picture(f"profile-{number}", f"Performance profiles: {family_title(overall)}", caption, number)
