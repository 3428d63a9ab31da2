"""Two methods on the same test items: what predictions, item by item, say of their difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graph_distillery.leaderboard.statistics.resampling import Floats, fresh_draws
from graph_distillery.leaderboard.statistics.summary import SAME

_AT_ONCE = 200  # resamples of the items: 20,000 items are 32 MB


@dataclass(frozen=True)
class ItemsTest:
    """Two methods on the same test items: ours less theirs, its 95 % interval and two-sided p."""

    difference: float
    low: float
    high: float
    p: float


def paired_items(ours: Floats, theirs: Floats, name: str, resamples: int = 2000) -> ItemsTest:
    """Paired bootstrap over test items times seeds, on one split.

    ours, theirs: [seeds, items], 1 where an item was right (or any score of one item), in the same order of both. Each
    resample draws seeds and items, both with replacement (Owen, Annals of Applied Statistics 1, 2007); with a single
    seed, or methods without randomness, it is McNemar's setting, whose variance (b + c - (b - c)^2 / n) / n^2 it meets.
    ``name`` seeds the draws. p takes the difference for near normal, with the bootstrap's variance. ValueError for
    arrays of different shapes or without items.
    """
    from scipy.special import ndtr

    if ours.shape != theirs.shape or ours.ndim != 2 or 0 in ours.shape:
        raise ValueError(f"scores of {ours.shape} and {theirs.shape} (seeds, items) cannot be paired")
    worth = ours - theirs
    seeds, items = worth.shape
    parts = []
    for start in range(0, resamples, _AT_ONCE):
        count = min(_AT_ONCE, resamples - start)
        by_seed = fresh_draws(f"{name}\0items\0{start}", items, count) @ worth.T
        parts.append((by_seed * fresh_draws(f"{name}\0seeds\0{start}", seeds, count)).sum(axis=1))
    drawn = np.concatenate(parts)
    difference = float(worth.mean())
    error = float(drawn.std())
    low, high = np.quantile(drawn, (0.025, 0.975))
    if error < SAME:
        return ItemsTest(difference, difference, difference, 1.0 if abs(difference) < SAME else 0.0)
    return ItemsTest(difference, float(low), float(high), float(2 * ndtr(-abs(difference) / error)))
