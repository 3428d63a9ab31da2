"""Numbers worked out by hand, or by SciPy in another way."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leaderboard.statistics import average_ranks, geometric_mean, paired_gain, pareto_front, summarise, t_interval

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
