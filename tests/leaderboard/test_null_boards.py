"""Boards on which nothing differs, and boards with a planted gain: what the statistics say of them.

Learners are real (ridge regression on made-up data); two of them are equal in law because they read different columns
of one and the same law, so that every difference is chance: of the items drawn, of the split, of the seed. The long
form, with the figures printed:

    pytest -m slow -s tests/leaderboard/test_null_boards.py
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from graph_distillery.leaderboard.statistics import SplitFacts, sampling_of, standings
from graph_distillery.leaderboard.statistics.across import mean_ranks, over_datasets, shares_over_datasets, win_rates
from graph_distillery.leaderboard.statistics.items import items_test, resampled_means
from graph_distillery.leaderboard.statistics.paired import paired_test
from graph_distillery.leaderboard.statistics.summary import average_ranks
from graph_distillery.leaderboard.statistics.variance import summarise_runs

SEEDS = 10
#: Shares of items that train and test; the others validate. "rotating": ten splits, each used by two seeds.
DESIGNS = {
    "redrawn 60/20/20": (0.6, 0.2),
    "redrawn 48/32/20": (0.48, 0.2),
    "rotating 60/20/20": (0.6, 0.2),
    "fixed": (0.3, 0.4),
    "sealed": (0.5, 0.3),
}
ITEMS, COLUMNS, SEPARATION = 600, 8, 0.3


class World:
    """One dataset of ``ITEMS`` items, drawn anew, and rows that each read columns of their own."""

    def __init__(self, rng: np.random.Generator, rows: int, gain: float = 0.0) -> None:
        self.rng = rng
        self.labels = rng.integers(0, 2, ITEMS)
        sign = 2 * self.labels[:, None] - 1
        shifts = [SEPARATION + (gain if row == 0 else 0.0) for row in range(rows)]
        self.columns = [rng.normal(size=(ITEMS, COLUMNS)) + shift * sign for shift in shifts]

    def runs(self, design: str) -> tuple[np.ndarray, list[SplitFacts], list[list[np.ndarray]]]:
        """Scores [rows, seeds], what records tell of the splits, and which test items were right, [row][seed]."""
        train, test = (round(share * ITEMS) for share in DESIGNS[design])
        order = self.rng.permutation(ITEMS)
        facts, right = [], [[] for _ in self.columns]
        for seed in range(2 * SEEDS if design.startswith("rotating") else SEEDS):
            if design.startswith("redrawn") or (design.startswith("rotating") and seed % 2 == 0):
                order = self.rng.permutation(ITEMS)
            elif design == "sealed":
                order = np.concatenate([self.rng.permutation(order[:-test]), order[-test:]])
            learned, judged = order[:train], order[-test:]
            facts.append(SplitFacts(str(sorted(learned)), str(sorted(judged)), (train, ITEMS - train - test, test)))
            drop = design in ("fixed", "sealed")  # where splits vary less, seeds must
            for row, columns in enumerate(self.columns):
                right[row].append(self._right(columns, learned, judged, drop))
        return np.array([[each.mean() for each in row] for row in right]), facts, right

    def _right(self, columns: np.ndarray, learned: np.ndarray, judged: np.ndarray, drop: bool) -> np.ndarray:
        """A ridge regression on all columns, or on all but one, which the seed chooses."""
        chosen = self.rng.permutation(COLUMNS)[int(drop) :]
        features = np.c_[columns[:, chosen], np.ones(ITEMS)]
        seen, sign = features[learned], 2.0 * self.labels[learned] - 1
        weights = np.linalg.solve(seen.T @ seen + np.eye(seen.shape[1]), seen.T @ sign)
        return (features[judged] @ weights > 0) == self.labels[judged]

    def truth(self, train: int, drop: bool, many: int = 400) -> float:
        """Accuracy on items that were never seen, over datasets and training parts of that size."""
        sizes = []
        for _ in range(many):
            fresh = World(self.rng, 1)
            everyone = self.rng.permutation(ITEMS)
            sizes.append(fresh._right(fresh.columns[0], everyone[:train], everyone[train:], drop).mean())
        return float(np.mean(sizes))


def told(scores: np.ndarray, facts: list[SplitFacts]):
    sampling = sampling_of(dict(enumerate(facts)), counted=True)
    return [dict(enumerate(row)) for row in scores], sampling


def campaign(design: str, boards: int, rows: int, gain: float = 0.0, seed: int = 0) -> dict[str, float]:
    """Shares over boards: a false (or, with a gain, a true) difference of one pair, of any pair, and coverage."""
    rng = np.random.default_rng([20261125, seed])
    train = round(DESIGNS[design][0] * ITEMS)
    truth = World(rng, 1).truth(train, design in ("fixed", "sealed"))
    names = ("pair", "before", "family", "mean", "difference", "items", "items family", "items difference")
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(boards):
        scores, facts, right = World(rng, rows, gain).runs(design)
        runs, sampling = told(scores, facts)
        test = paired_test(runs[0], runs[1], "items_t" if sampling.kind == "fixed" else "corrected_t", None, sampling)
        found["pair"].append(test.p <= 0.05)
        found["difference"].append(test.low <= 0 <= test.high)
        found["before"].append(paired_test(runs[0], runs[1], "wilcoxon").p <= 0.05)
        ranked = standings(dict(enumerate(runs)), sampling)
        found["family"].append(any(p <= 0.05 for each in ranked.values() for p in each.pairs.values()))
        own = summarise_runs(runs[1], sampling)
        found["mean"].append(own.low <= truth <= own.high)
        if sampling.kind == "fixed":  # with predictions
            drawn = resampled_means([np.array(each, dtype=float) for each in right], "board", 400)
            items = items_test(float(scores[0].mean() - scores[1].mean()), drawn[0] - drawn[1])
            found["items"].append(items.p <= 0.05)
            found["items difference"].append(items.low <= 0 <= items.high)
            ranked = standings(dict(enumerate(runs)), sampling, dict(enumerate(drawn)))
            found["items family"].append(any(p <= 0.05 for each in ranked.values() for p in each.pairs.values()))
    return {name: round(float(np.mean(each)), 4) for name, each in found.items() if each}


@pytest.mark.parametrize("design", ["redrawn 60/20/20", "rotating 60/20/20", "sealed"])
def test_equal_rows_are_seldom_told_apart(design):
    """A short form: bounds that 120 boards of a test at 5 % miss once in a hundred times or less."""
    found = campaign(design, 120, 3)
    assert found["pair"] <= 0.11, found
    assert found["family"] <= 0.11, found
    assert found["difference"] >= 0.89, found
    assert found["mean"] >= 0.89, found
    assert found["before"] > 0.11, found


@pytest.mark.parametrize(("shared", "bound", "less"), [(False, 0.99, 0.91), (True, 0.955, 0.76)])
def test_scores_of_one_test_set_do_not_tell_the_variance_of_its_items(shared, bound, less):
    """Why a fixed split without predictions is outside the band of 92 to 97 %: the exception of the campaign below.

    The spread of seeds is either of each item on its own, or one for all items. The bound p (1 - p) / n is right for
    the second law and too wide for the first; less the spread of the seeds it is near to right for the first and holds
    the truth of the second in three of four cases. Scores alone do not tell one law from the other.
    """
    rng, seeds, items, boards = np.random.default_rng([20261127, int(shared)]), 10, 400, 2000
    noise = (0.25, (boards, seeds, 1)) if shared else (1.0, (boards, seeds, items))
    right = 1.2 + 1.5 * rng.normal(size=(boards, 1, items)) + noise[0] * rng.normal(size=noise[1]) > 0
    truth = ndtr(1.2 / np.hypot(1.5, noise[0]))
    scores = right.mean(axis=2)
    mean, spread = scores.mean(axis=1), scores.var(axis=1, ddof=1)
    drawn = mean * (1 - mean) / items

    def coverage(of_items):
        return np.mean(np.abs(mean - truth) <= 1.96 * np.sqrt(of_items + spread / seeds))

    assert coverage(drawn) == pytest.approx(bound, abs=0.015)
    assert coverage(np.maximum(drawn - spread, 0)) == pytest.approx(less, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
def test_the_figures_of_boards_on_which_nothing_differs(design):
    found = campaign(design, 2000, 4)
    powers = {gain: campaign(design, 400, 4, gain, seed=1) for gain in (0.04, 0.08)}
    print(f"\n{design}: {found}", *(f"gain {gain}: {each}" for gain, each in powers.items()), sep="\n  ")
    assert found["family"] <= 0.07
    assert found["mean"] >= 0.92
    if "items" not in found:
        assert 0.02 <= found["pair"] <= 0.07
        assert 0.92 <= found["difference"] <= 0.97
        assert found["mean"] <= 0.97
        return
    # What decides where there are predictions. Without them the sum of two variances does, a bound: its "pair" (1.4 %)
    # and coverage (97.6 to 98.6 %) are outside the bands, as docs/boards.md says and the test above gives the reason.
    assert 0.02 <= found["items"] <= 0.07
    assert found["items family"] <= 0.07
    assert 0.92 <= found["items difference"] <= 0.97
    assert found["pair"] <= found["items"]


@pytest.mark.slow
@pytest.mark.parametrize("datasets", [2, 3, 4, 6, 12])
def test_the_figures_of_intervals_over_datasets(datasets):
    """Datasets are drawn from a population in which method 0 is as good as method 1, and better than the others."""
    rng, methods, boards = np.random.default_rng([20261126, datasets]), 4, 2000

    def drawn(number):
        """Ranks, win rates and gains over method 1, [number, methods], of so many datasets of ten seeds each."""
        level = np.array([0.0, 0.0, -0.01, -0.02]) + rng.normal(0, 0.01, (number, methods))
        scores = level[:, :, None] + 0.01 * (1 - rng.gamma(2, 0.5, (number, methods, SEEDS)))  # a long lower tail
        ranks = [average_ranks(dict(enumerate(each.mean(axis=1).tolist()))) for each in scores]
        ranked = np.array([[each[method] for method in range(methods)] for each in ranks])
        won = np.array([win_rates(list(each)) for each in scores])
        gains = scores.mean(axis=2) - scores[:, 1:2].mean(axis=2)
        return ranked, won, gains

    truths = [each.mean(axis=0) for each in drawn(20_000)]
    covered: dict[str, list[list[bool]]] = {"mean rank": [], "win rate": [], "mean gain": []}
    for _ in range(boards):
        ranked, won, gains = (each.T.tolist() for each in drawn(datasets))
        told_of = mean_ranks(ranked), shares_over_datasets(won), [over_datasets(each) for each in gains]
        for found, intervals, truth in zip(covered.values(), told_of, truths, strict=True):
            if intervals[0].low is not None:
                found.append([each.low <= value <= each.high for each, value in zip(intervals, truth, strict=True)])
    figures = {name: np.mean(each, axis=0).round(4).tolist() for name, each in covered.items() if each}
    print(f"\n{datasets} datasets, by row: {figures}")
    assert set(figures) == set(covered if datasets >= 4 else ["mean gain"])  # others are not shown on so few
    figures["mean gain"].pop(1)  # over itself
    assert all(0.92 <= share <= 0.97 for each in figures.values() for share in each), figures
