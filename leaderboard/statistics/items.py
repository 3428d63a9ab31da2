"""Two methods on the same test items: what predictions, item by item, say of their difference."""

from __future__ import annotations

from collections.abc import Sequence
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
    if ours.shape != theirs.shape or ours.ndim != 2 or 0 in ours.shape:
        raise ValueError(f"scores of {ours.shape} and {theirs.shape} (seeds, items) cannot be paired")
    one, other = resampled_means([ours, theirs], name, resamples)
    return items_test(float((ours - theirs).mean()), one - other)


def resampled_means(scores: Sequence[Floats], name: str, resamples: int = 2000) -> list[Floats]:
    """The mean score of every row, [resamples], when seeds and items are drawn again, for all rows the same ones.

    scores: [seeds, items] of each row, in one order of seeds and items.
    """
    seeds, items = scores[0].shape
    parts: list[list[Floats]] = [[] for _ in scores]
    for start in range(0, resamples, _AT_ONCE):
        count = min(_AT_ONCE, resamples - start)
        of_items = fresh_draws(f"{name}\0items\0{start}", items, count)
        of_seeds = fresh_draws(f"{name}\0seeds\0{start}", seeds, count)
        for part, each in zip(parts, scores, strict=True):
            part.append(((of_items @ each.T) * of_seeds).sum(axis=1))
    return [np.concatenate(part) for part in parts]


def items_test(difference: float, drawn: Floats) -> ItemsTest:
    """The test of a difference of means that came out as `drawn`, [resamples], with seeds and items drawn again."""
    from scipy.special import ndtr

    error = float(drawn.std())
    low, high = np.quantile(drawn, (0.025, 0.975))
    if error < SAME:
        return ItemsTest(difference, difference, difference, 1.0 if abs(difference) < SAME else 0.0)
    return ItemsTest(difference, float(low), float(high), float(2 * ndtr(-abs(difference) / error)))
