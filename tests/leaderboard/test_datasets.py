"""Numbers over datasets: Demšar's worked example, SciPy, scikit-posthocs, and definitions by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from graph_distillery.leaderboard.statistics import budget_curve
from graph_distillery.leaderboard.statistics.across import (
    PROFILE_GRID,
    improvement,
    mean_ranks,
    over_datasets,
    performance_profiles,
    shares_over_datasets,
    win_rates,
)
from graph_distillery.leaderboard.statistics.datasets import critical_difference, dataset_tests, friedman
from graph_distillery.leaderboard.statistics.interquartile import interquartile_mean, iqm
from graph_distillery.leaderboard.statistics.resampling import Strata

# Demšar (JMLR 2006), table 6: AUC of C4.5 and its three tunings on 14 datasets. On voting the last two are printed as
# equal, yet ranked 2 and 3; a fourth digit says so.
TABLE_6 = {
    "C4.5": [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.000, 0.940, 0.619, 0.972, 0.957],
    "C4.5+m": [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.000, 0.962, 0.666, 0.981, 0.978],
    "C4.5+cf": [0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1.000, 0.965, 0.614, 0.9751, 0.946],
    "C4.5+m+cf": [0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1.000, 0.962, 0.669, 0.975, 0.970],
}


def test_friedman_and_nemenyi_on_demsars_table():
    """Section 3.2.2: mean ranks 3.143, 2.000, 2.893, 1.964; chi-squared 9.28; F 3.69; CD 1.25 at 5 %."""
    tests = dataset_tests(TABLE_6)
    assert [round(tests.mean_ranks[name], 3) for name in TABLE_6] == [3.143, 2.0, 2.893, 1.964]
    assert tests.critical_difference == pytest.approx(1.25, abs=0.005)
    # Demšar's formula has no correction for ties; with it (SciPy, R) chi-squared is a little larger.
    expected = stats.friedmanchisquare(*TABLE_6.values())
    assert (tests.chi_squared, tests.p) == pytest.approx((expected.statistic, expected.pvalue))
    ranks = np.array([3.143, 2.0, 2.893, 1.964])
    assert 12 * 14 / (4 * 5) * ((ranks**2).sum() - 4 * 25 / 4) == pytest.approx(9.28, abs=0.02)
    assert tests.f == pytest.approx(13 * tests.chi_squared / (14 * 3 - tests.chi_squared))
    assert tests.f_p == pytest.approx(stats.f.sf(tests.f, 3, 39))
    assert tests.cliques == (("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"),)


def test_f_is_demsars_where_there_are_no_ties():
    """9.28 gives 3.69 by his equation, and ours is his equation."""
    rng = np.random.default_rng(1)
    blocks = [dict(enumerate(rng.permutation(4) + 1)) for _ in range(14)]
    sums = np.array([[block[k] for k in range(4)] for block in blocks]).mean(axis=0)
    plain = 12 * 14 / 20 * ((sums**2).sum() - 25)
    chi, _, f, _ = friedman(blocks)
    assert chi == pytest.approx(plain)
    assert f == pytest.approx(13 * plain / (42 - plain))
    assert pytest.approx(3.69, abs=0.005) == 13 * 9.28 / (42 - 9.28)


def test_critical_values_are_demsars_table_5():
    """q at 5 %: 1.960, 2.343, 2.569, ..., 3.164 for 2, 3, 4, ..., 10 classifiers."""
    for k, q in {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 10: 3.164}.items():
        assert critical_difference(k, 30) == pytest.approx(q * math.sqrt(k * (k + 1) / 180), abs=5e-4)


def test_nemenyi_and_wilcoxon_holm_agree_with_scikit_posthocs():
    import scikit_posthocs as sp

    rng = np.random.default_rng(3)
    scores = rng.normal(size=(12, 5)) + 0.9 * np.arange(5)
    tests = dataset_tests({k: list(scores[:, k]) for k in range(5)})
    nemenyi = sp.posthoc_nemenyi_friedman(scores).to_numpy()
    for one, other in itertools.combinations(range(5), 2):
        apart = abs(tests.mean_ranks[one] - tests.mean_ranks[other]) >= tests.critical_difference
        assert apart == (nemenyi[one, other] <= 0.05)
        assert apart != any({one, other} <= set(clique) for clique in tests.cliques)
    long = {"y": scores.T.ravel(), "g": np.repeat(np.arange(5), 12)}
    import pandas as pd

    holm = sp.posthoc_wilcoxon(pd.DataFrame(long), val_col="y", group_col="g", p_adjust="holm").to_numpy()
    assert all(p == pytest.approx(holm[pair]) for pair, p in tests.pairs.items())


def test_fewer_than_five_datasets_are_not_tested():
    assert dataset_tests({"a": [0.1] * 4, "b": [0.2] * 4}) is None
    five = dataset_tests({"a": [0.1] * 5, "b": [0.2] * 5})
    assert (five.decidable, five.chi_squared, five.pairs[("b", "a")]) == (False, None, 0.0625)


def test_interquartile_mean_is_the_trimmed_mean():
    values = np.random.default_rng(0).normal(size=40)
    assert interquartile_mean(values, np.ones(40)) == pytest.approx(stats.trim_mean(values, 0.25))
    # six values: half of the second and of the fifth (Wikipedia's example of fractions): 1, 3, 5, 7, 9, 11 -> 6
    assert interquartile_mean(np.array([11.0, 1, 9, 3, 7, 5]), np.ones(6)) == pytest.approx(6)
    assert interquartile_mean(np.array([0.0, 1, 2, 3, 50]), np.ones(5)) == pytest.approx(
        (0.75 * 1 + 2 + 0.75 * 3) / 2.5
    )


def test_every_dataset_weighs_the_same_whatever_its_runs():
    strata = Strata(("a", "b"))
    few = iqm([np.array([0.0, 0.0]), np.array([1.0, 1.0])], strata)
    many = iqm([np.zeros(30), np.array([1.0, 1.0])], strata)
    assert (few.value, many.value) == pytest.approx((0.5, 0.5))


def test_chance_of_improvement_is_the_mann_whitney_statistic():
    rng = np.random.default_rng(2)
    runs = [[rng.integers(0, 5, 10) / 5.0, rng.integers(0, 5, 10) / 5.0] for _ in range(3)]
    u = [stats.mannwhitneyu(*each).statistic / 100 for each in runs]
    chance = improvement(runs, Strata(("a", "b", "c")), [1 / 3] * 3)[0, 1]
    assert chance.value == pytest.approx(np.mean(u))
    assert chance.low < chance.value < chance.high
    assert [win_rates(each)[0] for each in runs] == pytest.approx(u)
    assert win_rates([*runs[0], runs[0][1]])[0] == pytest.approx(u[0])


def test_a_number_for_each_dataset_has_students_interval_over_datasets():
    gains = [0.01, 0.03, 0.02, 0.05]
    found = over_datasets(gains)
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 3, np.mean(gains), stats.sem(gains)))
    assert over_datasets([0.3]).low is None


def test_mean_ranks_have_an_interval_from_four_datasets_on():
    """By hand: two methods that take turns have shares 0, 1; phi is 1, t at 3 + 3 degrees of freedom 2.4469."""
    assert [(each.value, each.low) for each in mean_ranks([[1.0, 2.0, 2.0], [2.0, 1.0, 1.0]])] == [
        (pytest.approx(5 / 3), None),
        (pytest.approx(4 / 3), None),
    ]
    step = 2.44691**2 / 4  # phi / n
    one, other = mean_ranks([[1.0, 2.0, 1.0, 2.0], [2.0, 1.0, 2.0, 1.0]])
    half = (step * (0.25 + step / 4)) ** 0.5 / (1 + step)  # about a mean of a half, which it is centred on
    assert (one.low, one.high) == (pytest.approx(1.5 - half, abs=1e-5), pytest.approx(1.5 + half, abs=1e-5))
    assert (other.low, other.high) == (one.low, one.high)
    always, never = mean_ranks([[1.0] * 4, [2.0] * 4])
    assert (always.low, never.high) == (1.0, 2.0)
    assert always.high == pytest.approx(1 + step / (1 + step), abs=1e-5)
    assert always.high == pytest.approx(1 + 1 - 0.025**0.25, abs=0.01)  # Clopper and Pearson's end
    assert never.low == pytest.approx(3 - always.high)


def test_shares_by_an_independent_search():
    """The interval holds every mean that the score test keeps; here phi is computed by loops."""
    table = [[0.9, 0.7, 0.8, 0.95, 0.6], [0.5, 0.4, 0.6, 0.5, 0.7], [0.1, 0.4, 0.1, 0.05, 0.2]]
    n = 5
    means = [sum(of) / n for of in table]
    variances = [sum((x - m) ** 2 for x in of) / (n - 1) for of, m in zip(table, means, strict=True)]
    most = [m * (1 - m) + v / n for m, v in zip(means, variances, strict=True)]
    for found, m, v, at_most in zip(shares_over_datasets(table), means, variances, most, strict=True):
        phi = (8 * sum(variances) / sum(most) + 4 * v / at_most) / 12
        grid = np.linspace(0, 1, 200_001)
        kept = grid[(m - grid) ** 2 <= 2.178813**2 * phi * grid * (1 - grid) / n]
        assert (found.low, found.high) == (pytest.approx(kept[0], abs=1e-5), pytest.approx(kept[-1], abs=1e-5))


def test_profiles_by_hand():
    runs = [[np.full(3, 0.9), np.full(3, 0.9), np.full(3, 0.5)], [np.full(3, 0.2), np.full(3, 0.4), np.full(3, 0.3)]]
    share = dict(zip(PROFILE_GRID, performance_profiles(runs, Strata(("a", "b")), [0.5, 0.5])[0].share, strict=True))
    assert (share[0.0], share[0.2], share[0.89], share[0.9]) == (1, 0.5, 0.5, 0)


def test_a_dataset_in_two_splits_counts_once_in_profiles_and_chances():
    """Dataset a in two splits, a quarter each, and dataset b: kd wins on both splits of a, and loses on b."""
    runs = [[np.full(3, 0.9), np.full(3, 0.5)]] * 2 + [[np.full(3, 0.2), np.full(3, 0.4)]]
    weights = [0.25, 0.25, 0.5]
    strata = Strata(("a, one", "a, other", "b"))
    assert improvement(runs, strata, weights)[0, 1].value == 0.5
    share = dict(zip(PROFILE_GRID, performance_profiles(runs, strata, weights)[0].share, strict=True))
    assert (share[0.1], share[0.5], share[0.95]) == (1, 0.5, 0)


def test_budget_curve_is_the_mean_over_all_orders():
    scores = [0.3, None, 0.5, 0.4, None]
    curve = budget_curve(scores)
    for k in range(1, 6):
        best = []
        for order in itertools.permutations(scores):
            seen = [score for score in order[:k] if score is not None]
            best += [max(seen)] if seen else []
        assert curve.mean[k - 1] == pytest.approx(np.mean(best))
        expected = np.quantile(best, (0.025, 0.975), method="inverted_cdf")
        assert (curve.low[k - 1], curve.high[k - 1]) == pytest.approx(tuple(expected))
    assert curve.as_run == (0.3, 0.3, 0.5, 0.5, 0.5)
    assert budget_curve([None, None]) is budget_curve([]) is None
