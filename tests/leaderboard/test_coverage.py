"""95 % intervals that cover: 500 synthetic boards of ten seeds, of normal-like scores and of bounded, skewed ones.

The candidates that were not kept stand here beside those that were: Student's t, the percentile bootstrap, BCa
(Efron, 1987) and the percentile bootstrap of Rao and Wu's n - 1 draws.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from graph_distillery.leaderboard.statistics import gap_closed, mean_interval, t_interval
from graph_distillery.leaderboard.statistics.interquartile import Scale, interquartile_mean, iqm
from graph_distillery.leaderboard.statistics.resampling import Strata, draws_of_all, percentile_interval

BOARDS, SEEDS = 500, 10
WANTED = (0.92, 0.97)
#: Law of a score, and its mean; counted: a test set of 1000 nodes; bounded, skewed: near 1 with a long lower tail.
LAWS = {
    "normal": (lambda rng, size: rng.normal(0.8, 0.015, size), 0.8),
    "counted": (lambda rng, size: rng.binomial(1000, np.clip(rng.normal(0.8, 0.01, size), 0, 1)) / 1000, 0.8),
    "bounded": (lambda rng, size: rng.beta(18, 2, size), 0.9),
    "skewed": (lambda rng, size: 1 - 0.025 * rng.gamma(2, 1, size), 0.95),
}


def covers(intervals, truth):
    return float(np.mean([low <= truth <= high for low, high in intervals]))


def percentile(scores, n_draws_of_all=True):
    weights = draws_of_all("mean", SEEDS) if n_draws_of_all else Strata(("mean",)).weights(0, SEEDS)
    return percentile_interval(weights @ scores)


def bca(scores):
    drawn = np.sort(draws_of_all("mean", SEEDS) @ scores)
    bias = ndtri(np.clip(np.mean(drawn < scores.mean()), 1e-4, 1 - 1e-4))
    left_out = (scores.sum() - scores) / (SEEDS - 1)
    centred = left_out.mean() - left_out
    skew = (centred**3).sum() / (6 * (centred**2).sum() ** 1.5)
    z = bias + ndtri(np.array([0.025, 0.975]))
    levels = ndtr(bias + z / (1 - skew * z))
    return drawn[np.clip((levels * len(drawn)).astype(int), 0, len(drawn) - 1)]


@pytest.mark.parametrize("law", LAWS)
def test_the_interval_of_a_cells_mean_covers(law):
    draw, truth = LAWS[law]
    boards = draw(np.random.default_rng(20261120), (BOARDS, SEEDS))
    assert WANTED[0] <= covers([mean_interval(list(b)) for b in boards], truth) <= WANTED[1]


def test_what_was_not_kept_does_not_cover():
    draw, truth = LAWS["skewed"]
    boards = draw(np.random.default_rng(20261120), (2000, SEEDS))
    found = {
        "t": covers([t_interval(list(b)) for b in boards], truth),
        "percentile": covers([percentile(b) for b in boards], truth),
        "percentile of n - 1": covers([percentile(b, False) for b in boards], truth),
        "bca": covers([bca(b) for b in boards], truth),
    }
    assert found["percentile"] < 0.9
    assert found["percentile of n - 1"] < 0.92
    assert found["bca"] < 0.91
    assert found["t"] < covers([mean_interval(list(b)) for b in boards], truth)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("spread", [0.0, 0.1])
def test_the_interval_of_the_interquartile_mean_covers(law, spread):
    """Four datasets whose true means lie ``spread`` apart, pooled."""
    draw, _ = LAWS[law]
    rng = np.random.default_rng(20261120)
    shifts = spread * np.arange(4)[:, None]
    many = (draw(rng, (4, 400_000)) + shifts).ravel()
    truth = float(interquartile_mean(many, np.ones_like(many)))
    strata = Strata(("a", "b", "c", "d"), resamples=1000)
    boards = draw(rng, (BOARDS, 4, SEEDS)) + shifts
    estimates = [iqm(list(board), strata) for board in boards]
    assert WANTED[0] <= covers([(each.low, each.high) for each in estimates], truth) <= WANTED[1]


@pytest.mark.parametrize("law", ["normal", "skewed"])
def test_what_normalises_has_noise_too(law):
    """Four datasets whose teacher and majority class vary from seed to seed as much as the method itself."""
    draw, centre = LAWS[law]
    rng = np.random.default_rng(20261125)

    def board(size):
        floors, tops = rng.normal(centre - 0.2, 0.015, size), rng.normal(centre + 0.03, 0.015, size)
        return draw(rng, size), floors, tops

    scores, floors, tops = board((4, 400_000))
    normal = (scores - floors.mean(axis=1, keepdims=True)) / (tops - floors).mean(axis=1)[:, None]
    truth = float(interquartile_mean(normal.ravel(), np.ones(normal.size)))
    strata = Strata(("a", "b", "c", "d"), resamples=600)
    estimates, gaps = [], []
    for _ in range(150):
        scores, floors, tops = board((4, SEEDS))
        scales = [Scale(floor, top) for floor, top in zip(floors, tops, strict=True)]
        estimates.append(iqm(list(scores), strata, scales))
        gaps.append(gap_closed(*(dict(enumerate(each[0])) for each in (scores, floors, tops))))
    assert WANTED[0] <= covers([(each.low, each.high) for each in estimates], truth) <= 0.98
    closed = 0.2 / 0.23
    assert 0.91 <= covers([(each.low, each.high) for each in gaps if each], closed) <= 0.98
