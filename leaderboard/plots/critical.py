"""The critical-difference diagram of Demsar (JMLR 7, 2006): mean ranks, bars join what no test tells apart."""

from __future__ import annotations

from leaderboard.overall import Overall
from leaderboard.plots.canvas import INK, Picture, canvas, short
from leaderboard.text import family_title

FEWEST_DATASETS = 5  # with fewer, the tests behind the bars cannot find any difference
LEVEL = 0.05


def critical_difference(overall: Overall, number: int) -> Picture | None:
    """Friedman's test, then Nemenyi's; None with under five datasets or under three methods."""
    datasets = {(each.data.dataset, each.data.dataset_sha256) for each in overall.comparisons}
    keys = [row.key for row in overall.rows]
    if len(datasets) < FEWEST_DATASETS or len(keys) < 3:
        return None
    import pandas as pd
    import scikit_posthocs as posthocs
    from scipy.stats import friedmanchisquare

    means = []
    for each in overall.comparisons:
        rows = {row.key: row.summary for row in each.rows}
        means.append([-summary.mean for key in keys if (summary := rows[key]) is not None])
    names = [short(key.name, 20) for key in keys]
    unique = [name if names.count(name) == 1 else f"{name} {index}" for index, name in enumerate(names)]
    table = pd.DataFrame(means, columns=unique)
    ranks = table.rank(axis=1).mean()
    p_value = float(friedmanchisquare(*(table[name] for name in unique)).pvalue) if table.to_numpy().std() else 1.0
    p_values = posthocs.posthoc_nemenyi_friedman(table).fillna(1.0)
    with canvas(width=6.4, height=1.1 + 0.17 * len(keys)) as board:
        drawn = posthocs.critical_difference_diagram(
            ranks, p_values, ax=board.axes, label_fmt_left="{label} ({rank:.2f})",
            label_fmt_right="({rank:.2f}) {label}",
            alpha=LEVEL, color_palette=[INK] * len(keys), crossbar_props={"color": INK, "linewidth": 2.2},
        )  # fmt: skip
        markers = drawn.get("markers", [])
        for artist, (name, rank) in zip(markers, ranks.sort_values().items(), strict=False):
            board.mark(artist, f"{name}: mean rank {rank:.2f} over {len(overall.comparisons)} comparisons")
        verdict = "differ" if p_value < LEVEL else "show no difference as a whole"
        caption = (
            f"Mean ranks over {len(overall.comparisons)} comparisons, best on the left. A bar joins methods that "
            f"Nemenyi's test does not tell apart at {LEVEL}. Friedman's test: p = {p_value:.2g}, the methods {verdict}."
        )
        title = f"Critical differences: {family_title(overall)}"
        return board.picture(f"critical-difference-{number}", title, caption, number)
