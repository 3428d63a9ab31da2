"""Critical differences (Demsar, JMLR 7, 2006): mean ranks; bars join what Nemenyi's test cannot tell apart."""

from __future__ import annotations

from graph_distillery.leaderboard.plots.canvas import INK, Picture, canvas, short_names
from graph_distillery.leaderboard.tables.overall import Overall


def critical_difference(overall: Overall, number: int) -> Picture | None:
    """None where the board has no tests over datasets: under five of them, or under three methods."""
    tests = overall.tests
    if tests is None or len(tests.mean_ranks) < 3:
        return None
    import pandas as pd
    import scikit_posthocs as posthocs

    unique = short_names([key.name for key in tests.mean_ranks], 20)
    ranks = pd.Series(list(tests.mean_ranks.values()), index=unique)
    apart = (ranks.to_numpy()[:, None] - ranks.to_numpy()[None]).__abs__() >= tests.critical_difference
    differs = pd.DataFrame(1.0 - apart, index=unique, columns=unique)
    with canvas(width=5.4, height=1.1 + 0.17 * len(unique)) as board:
        drawn = posthocs.critical_difference_diagram(
            ranks, differs, ax=board.axes, label_fmt_left="{label} ({rank:.2f})",
            label_fmt_right="({rank:.2f}) {label}", color_palette=[INK] * len(unique),
            crossbar_props={"color": INK, "linewidth": 2.2},
        )  # fmt: skip
        board.axes.grid(visible=False)
        for artist, (name, rank) in zip(drawn["markers"], ranks.items(), strict=True):
            board.mark(artist, f"{name}: mean rank {rank:.2f} over {tests.datasets} datasets")
        friedman = f" Friedman's test over all methods: p = {tests.p:.2g}." if tests.p is not None else ""
        caption = (
            f"Mean ranks over {tests.datasets} datasets, best on the left. A bar joins methods whose mean ranks differ "
            f"by less than Nemenyi's critical difference of {tests.critical_difference:.2f} (5 %).{friedman}"
        )
        title = f"Critical differences: {overall.title}"
        return board.picture(f"critical-difference-{number}", title, caption, number)
