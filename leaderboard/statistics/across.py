"""Aggregates over datasets (Agarwal et al., NeurIPS 2021).

Scores come as ``runs[dataset][method]``, an array of that method's runs there in the order of their seeds, normalised
where datasets are pooled. Where one number stands for each dataset (ranks, gains, win rates), datasets are a sample of
datasets, and the interval is over them; for profiles and chances of improvement seeds are resampled within
datasets, and the interval speaks of these datasets alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graph_distillery.leaderboard.statistics.resampling import Floats, Strata, percentile_interval
from graph_distillery.leaderboard.statistics.summary import RANKED_FROM, Estimate, mean, t_interval, t_quantile

Runs = Sequence[Sequence[Floats]]

_PRIOR = 10  # degrees of freedom
_PAIRS_AT_ONCE = 1000  # 16 MB of draws

#: Normalised scores at which performance profiles are read.
PROFILE_GRID = tuple(round(0.01 * step, 2) for step in range(131))


@dataclass(frozen=True)
class Profile:
    """Share of runs above each normalised score of ``PROFILE_GRID``, mean over datasets, with its 95 % band."""

    share: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def performance_profiles(runs: Runs, strata: Strata, weights: Sequence[float]) -> list[Profile]:
    """Performance profile of each method over ``PROFILE_GRID``; weights: of ``runs``, summing to 1."""
    grid = np.array(PROFILE_GRID)[:, None]
    found = []
    for method in range(len(runs[0])):
        above = [(each[method] > grid).astype(float) for each in runs]
        share = np.average([each.mean(axis=1) for each in above], axis=0, weights=weights)
        drawn = np.average([strata.means(i, each) for i, each in enumerate(above)], axis=0, weights=weights)
        low, high = percentile_interval(drawn)
        found.append(Profile(tuple(share.tolist()), tuple(low.tolist()), tuple(high.tolist())))
    return found


def over_datasets(values: Sequence[float]) -> Estimate:
    """The mean of a value per dataset and Student's 95 % interval: datasets are a sample too, and carry their seeds.

    There is none for one dataset.
    """
    return Estimate(math.fsum(values) / len(values), *t_interval(values))


def shares_over_datasets(shares: Sequence[Sequence[float]]) -> list[Estimate]:
    """Of each method, the mean of its shares in [0, 1], one a dataset, and a 95 % interval from ``RANKED_FROM`` on.

    shares: [methods][datasets]. Student's interval of a share near 0 or 1 is too short (83 to 90 %), so it is that of
    a score test: every mean m with (mean - m)² <= t² phi m (1 - m) / datasets. The dispersion phi, at most 1 by the
    bounds, is the method's own and that of all methods together, which counts as up to ``_PRIOR`` degrees of freedom
    (as variances are moderated by Smyth, 2004). Where no share ever varies phi is 1. None for a single method.
    """
    table = np.array(shares, dtype=float)
    (methods, n), means = table.shape, table.mean(axis=1)
    centres = [math.fsum(of) / n for of in shares]
    if n < RANKED_FROM or methods < 2:
        return [Estimate(each, None, None) for each in centres]
    variance = table.var(axis=1, ddof=1)
    most = means * (1 - means) + variance / n  # unbiased for m (1 - m)
    together = float(variance.sum() / most.sum()) if variance.any() else 1.0
    own = np.where(most > 0, variance / np.where(most > 0, most, 1.0), together)
    prior = min(_PRIOR, (n - 1) * (methods - 1))
    phi = np.minimum((prior * together + (n - 1) * own) / (prior + n - 1), 1.0)
    step = t_quantile(prior + n - 1) ** 2 * phi / n
    middle, half = (means + step / 2) / (1 + step), np.sqrt(step * (means * (1 - means) + step / 4)) / (1 + step)
    low, high = np.clip(middle - half, 0.0, means), np.clip(middle + half, means, 1.0)
    return [Estimate(each, float(a), float(b)) for each, a, b in zip(centres, low, high, strict=True)]


def mean_ranks(ranks: Sequence[Sequence[float]]) -> list[Estimate]:
    """Mean of every method's ranks [methods][datasets], with its interval: that of the share of others before it."""
    others = len(ranks) - 1
    if not others:
        return [Estimate(1.0, None, None)]
    found = shares_over_datasets([[(rank - 1) / others for rank in of] for of in ranks])
    return [
        Estimate(mean(of), None, None)
        if each.low is None or each.high is None
        else Estimate(mean(of), 1 + others * each.low, 1 + others * each.high)
        for of, each in zip(ranks, found, strict=True)
    ]


def win_rates(runs: Sequence[Floats]) -> list[float]:
    """On one dataset, the chance that a run of a method beats one of another, ties as half, mean over the others."""
    scores = np.stack(runs)
    methods = len(scores)
    won = [_wins(scores[one], scores[other]).mean() for one in range(methods) for other in range(methods)]
    table = np.array(won).reshape(methods, methods)
    return [float((table[one].sum() - 0.5) / (methods - 1)) if methods > 1 else 0.5 for one in range(methods)]


def improvement(runs: Runs, strata: Strata, weights: Sequence[float]) -> dict[tuple[int, int], Estimate]:
    """P(a run of the one beats a run of the other), ties as half, mean over datasets; for every pair (one < other).

    weights: of ``runs``, summing to 1, so that a dataset in several splits counts once. All methods have the same seeds
    on a dataset, so that one product draws every pair.
    """
    pairs = list(itertools.combinations(range(len(runs[0])), 2))
    found = {}
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        some = pairs[start : start + _PAIRS_AT_ONCE]
        values, draws = np.zeros(len(some)), np.zeros((strata.resamples, len(some)))
        for i, (each, part) in enumerate(zip(runs, weights, strict=True)):
            n = len(each[0])
            won = np.stack([_wins(each[one], each[other]).ravel() for one, other in some], axis=1)
            drawn = strata.weights(i, n)
            values += won.mean(axis=0) * part
            draws += (drawn[:, :, None] * drawn[:, None, :]).reshape(-1, n * n) @ won * part
        single = all(len(each[0]) == 1 for each in runs)
        low, high = percentile_interval(draws, axis=0)
        for pair, value, a, b in zip(some, values, low, high, strict=True):
            found[pair] = Estimate(float(value), None, None) if single else Estimate(float(value), float(a), float(b))
    return found


def _wins(ours: Floats, theirs: Floats) -> Floats:
    return (ours[:, None] > theirs).astype(float) + 0.5 * (ours[:, None] == theirs)
