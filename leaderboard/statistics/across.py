"""Aggregates over datasets (Agarwal et al., NeurIPS 2021).

Scores come as ``runs[dataset][method]``, an array of that method's runs there in the order of their seeds, normalised
where datasets are pooled. Where one number stands for each dataset (ranks, gains, win rates), datasets are a sample of
datasets, and the interval is Student's over them; for profiles and chances of improvement seeds are resampled within
datasets, and the interval speaks of these datasets alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graph_distillery.leaderboard.statistics.resampling import Floats, Strata, percentile_interval
from graph_distillery.leaderboard.statistics.summary import RANKED_FROM, Estimate, t_interval

Runs = Sequence[Sequence[Floats]]

_PAIRS_AT_ONCE = 1000  # 16 MB of draws

#: Normalised scores at which performance profiles are read.
PROFILE_GRID = tuple(round(0.01 * step, 2) for step in range(131))


@dataclass(frozen=True)
class Profile:
    """Share of runs above each normalised score of ``PROFILE_GRID``, mean over datasets, with its 95 % band."""

    share: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def performance_profiles(runs: Runs, strata: Strata) -> list[Profile]:
    """Performance profile of each method over ``PROFILE_GRID``."""
    grid = np.array(PROFILE_GRID)[:, None]
    found = []
    for method in range(len(runs[0])):
        above = [(each[method] > grid).astype(float) for each in runs]
        share = np.mean([each.mean(axis=1) for each in above], axis=0)
        low, high = percentile_interval(np.mean([strata.means(i, each) for i, each in enumerate(above)], axis=0))
        found.append(Profile(tuple(share.tolist()), tuple(low.tolist()), tuple(high.tolist())))
    return found


def over_datasets(
    values: Sequence[float], low: float = -math.inf, high: float = math.inf, step: float = 0.0
) -> Estimate:
    """The mean of a value per dataset and Student's 95 % interval: datasets are a sample too, and carry their seeds.

    The interval ends where values do, at ``low`` and ``high``; there is none for one dataset. step: the distance of the
    values that there are, 1 for ranks; what lies between them varies too (by step²/12, as a rounding does), even where
    all datasets happen to give the same rank.
    """
    ends = t_interval(values, step**2 / 12)
    centre = math.fsum(values) / len(values)
    if ends[0] is None or ends[1] is None:
        return Estimate(centre, None, None)
    return Estimate(centre, max(low, ends[0]), min(high, ends[1]))


def mean_rank(ranks: Sequence[float], methods: int) -> Estimate:
    """Mean of a method's ranks among so many, one a dataset; with its interval from ``RANKED_FROM`` datasets on."""
    if len(ranks) < RANKED_FROM:
        return Estimate(math.fsum(ranks) / len(ranks), None, None)
    return over_datasets(ranks, 1.0, methods, step=1.0)


def win_rates(runs: Sequence[Floats]) -> list[float]:
    """On one dataset, the chance that a run of a method beats one of another, ties as half, mean over the others."""
    scores = np.stack(runs)
    methods = len(scores)
    won = [_wins(scores[one], scores[other]).mean() for one in range(methods) for other in range(methods)]
    table = np.array(won).reshape(methods, methods)
    return [float((table[one].sum() - 0.5) / (methods - 1)) if methods > 1 else 0.5 for one in range(methods)]


def improvement(runs: Runs, strata: Strata) -> dict[tuple[int, int], Estimate]:
    """P(a run of the one beats a run of the other), ties as half, mean over datasets; for every pair (one < other).

    All methods have the same seeds on a dataset, so that one product draws every pair.
    """
    pairs = list(itertools.combinations(range(len(runs[0])), 2))
    found = {}
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        some = pairs[start : start + _PAIRS_AT_ONCE]
        values, draws = np.zeros(len(some)), np.zeros((strata.resamples, len(some)))
        for i, each in enumerate(runs):
            n = len(each[0])
            won = np.stack([_wins(each[one], each[other]).ravel() for one, other in some], axis=1)
            weights = strata.weights(i, n)
            values += won.mean(axis=0) / len(runs)
            draws += (weights[:, :, None] * weights[:, None, :]).reshape(-1, n * n) @ won / len(runs)
        single = all(len(each[0]) == 1 for each in runs)
        low, high = percentile_interval(draws, axis=0)
        for pair, value, a, b in zip(some, values, low, high, strict=True):
            found[pair] = Estimate(float(value), None, None) if single else Estimate(float(value), float(a), float(b))
    return found


def _wins(ours: Floats, theirs: Floats) -> Floats:
    return (ours[:, None] > theirs).astype(float) + 0.5 * (ours[:, None] == theirs)
