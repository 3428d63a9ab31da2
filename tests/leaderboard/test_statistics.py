"""Numbers worked out by hand, or by SciPy in another way."""

from __future__ import annotations

import math
import random
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from graph_distillery.leaderboard.statistics import (
    average_ranks,
    geometric_mean,
    paired_gain,
    pareto_front,
    summarise,
    t_interval,
)
from graph_distillery.leaderboard.statistics.gap import clear_lead, gap_closed
from graph_distillery.leaderboard.statistics.resampling import Strata, draws_of_all
from graph_distillery.leaderboard.statistics.summary import mean_interval

SCORES = st.lists(st.floats(0, 1), min_size=2, max_size=12)


def test_summary_by_hand():
    # 0.80, 0.82, 0.84: mean 0.82, std 0.02, t(0.975, 2) = 4.30265, half = 4.30265 * 0.02 / sqrt(3) = 0.049683
    summary = summarise([0.80, 0.82, 0.84])
    assert summary.mean == pytest.approx(0.82)
    assert summary.std == pytest.approx(0.02)
    assert (summary.low, summary.high) == pytest.approx((0.770317, 0.869683), abs=1e-6)


@given(SCORES)
def test_summary_agrees_with_scipy(scores):
    summary = summarise(scores)
    assert summary.std == pytest.approx(statistics.stdev(scores), abs=1e-12)
    if summary.std > 1e-6:
        low, high = stats.t.interval(0.95, len(scores) - 1, loc=summary.mean, scale=stats.sem(scores))
        assert t_interval(scores) == pytest.approx((low, high))


@given(SCORES, st.randoms())
def test_the_order_of_runs_changes_no_bit(scores, shuffle: random.Random):
    shuffled = list(scores)
    shuffle.shuffle(shuffled)
    assert summarise(shuffled) == summarise(scores)


def test_one_run_has_no_interval_and_none_has_no_mean():
    assert summarise([0.5]).std is None
    assert summarise([]) is None


def test_ranks_by_hand():
    assert average_ranks({"a": 0.9, "b": 0.8, "c": 0.8, "d": 0.1}) == {"a": 1, "b": 2.5, "c": 2.5, "d": 4}
    assert average_ranks({"a": 0.1 + 0.2, "b": 0.3}) == {"a": 1.5, "b": 1.5}  # equal but for the last bit


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=1, max_size=9))
def test_ranks_agree_with_scipy(scores):
    ranks = average_ranks(dict(enumerate(scores)))
    assert list(ranks.values()) == list(stats.rankdata([-score for score in scores]))


def test_gain_is_paired_and_needs_every_seed():
    alone = {0: 0.5, 1: 0.9}
    assert paired_gain({0: 0.6, 1: 0.95}, alone) == pytest.approx(0.075)
    assert paired_gain({1: 0.95}, alone) == pytest.approx(0.05)
    assert paired_gain({0: 0.6, 2: 0.9}, alone) is None
    assert paired_gain({}, alone) is None


def test_geometric_mean():
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4)
    assert math.isclose(geometric_mean([3.0]), 3)


def test_pareto_front_in_three_dimensions():
    # (latency, parameters, score): the second is dearer in both and no better, the third buys score with parameters
    assert pareto_front([(1, 5, 0.8), (2, 6, 0.8), (1, 9, 0.9), (3, 1, 0.1)]) == [True, False, True, True]


def test_pareto_front_by_hand():
    # (cost, score): b costs more than a for less; d equals c and both stay
    assert pareto_front([(1, 5), (2, 4), (3, 6), (3, 6), (9, 6)]) == [True, False, True, True, False]


def test_resampled_means_vary_as_the_mean_does():
    """Rao and Wu's n - 1 draws: the variance is s^2 / n itself, of which n draws would leave the share (n - 1) / n."""
    scores = np.array([0.7, 0.72, 0.75, 0.74, 0.9])
    drawn = Strata(("a",), resamples=100_000).means(0, scores)
    assert drawn.var() == pytest.approx(scores.var(ddof=1) / 5, rel=0.02)
    plain = draws_of_all("a", 5, 100_000) @ scores
    assert plain.var() == pytest.approx(0.8 * scores.var(ddof=1) / 5, rel=0.02)


def test_the_studentised_interval_by_its_definition():
    """Of each resample the t statistic of its mean; then mean - t s / sqrt(n) at the quantiles (Efron, 1981)."""
    scores = np.array([0.81, 0.79, 0.84, 0.80, 0.78, 0.95, 0.82, 0.80, 0.79])
    n, statistics_ = len(scores), []
    for weights in draws_of_all("mean", n):
        resample = np.repeat(np.sort(scores), np.round(n * weights).astype(int))
        error = resample.std(ddof=1) / math.sqrt(n)
        statistics_.append((resample.mean() - scores.mean()) / error if error > 1e-12 else math.inf)
    ordered, cut = sorted(statistics_), int(0.025 * len(statistics_))
    error = scores.std(ddof=1) / math.sqrt(n)
    expected = scores.mean() - ordered[-1 - cut] * error, scores.mean() - ordered[cut] * error
    assert mean_interval(list(scores)) == pytest.approx(expected, rel=1e-9)


def test_a_gap_is_that_of_the_methods_own_seeds():
    alone, teacher = {0: 0.6, 1: 0.2}, {0: 0.8, 1: 0.4}
    assert gap_closed({0: 0.7}, alone, teacher).value == pytest.approx(0.5)  # 0.1 of 0.2, whatever seed 1 says
    assert gap_closed({0: 0.7, 1: 0.25}, alone, teacher).value == pytest.approx(0.075 / 0.2)
    assert gap_closed({0: 0.7, 2: 0.9}, alone, teacher) is None


def test_the_ends_of_a_gap_are_the_shares_that_the_paired_test_just_allows():
    """Fieller (1954): at either end the t test of gain - x lead against zero has p = 5 %."""
    rng = np.random.default_rng(4)
    alone = 0.6 + rng.normal(0, 0.01, 10)
    ours, teacher = alone + 0.05 + rng.normal(0, 0.02, 10), alone + 0.1 + rng.normal(0, 0.03, 10)
    found = gap_closed(*(dict(enumerate(each)) for each in (ours, alone, teacher)))
    assert found.low < found.value < found.high
    for x in (found.low, found.high):
        assert stats.ttest_1samp(ours - alone - x * (teacher - alone), 0).pvalue == pytest.approx(0.05)


def test_a_lead_has_a_stated_level():
    """Told where the interval of the paired differences is above zero; one resample in 2,000 no longer undoes it."""
    below = dict(enumerate([0.50, 0.51, 0.49, 0.52, 0.50, 0.51, 0.48, 0.50, 0.49, 0.55]))
    leads = np.array([0.02, 0.03, 0.01, 0.02, 0.04, 0.02, 0.03, 0.01, 0.02, -0.01])
    above = {seed: below[seed] + lead for seed, lead in enumerate(leads)}
    assert clear_lead(above, below) == pytest.approx(leads.mean())
    assert clear_lead(below, above) is None
    assert clear_lead({seed: score + (0.05 if seed == 3 else 0) for seed, score in below.items()}, below) is None
