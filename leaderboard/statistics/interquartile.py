"""The interquartile mean of normalised scores, pooled over datasets (Agarwal et al., NeurIPS 2021).

A score is normalised by two others of the same seeds, 0 for the floor (the majority class) and 1 for the top (the
teacher), and these have noise too: they are resampled with it, seed by seed. Datasets are taken as they are, so the
intervals speak of these and not of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graph_distillery.leaderboard.statistics.resampling import Floats, Strata, percentile_interval
from graph_distillery.leaderboard.statistics.summary import Estimate

#: Below so many degrees of freedom (runs less datasets) a studentised bootstrap turns very wide.
FEWEST_FREEDOM = 7
#: A resample may not shrink the distance from floor to top below this share of it: the quotient would be no number.
LEAST_SPAN = 0.1


@dataclass(frozen=True)
class Scale:
    """What normalises the scores of one dataset, by seed: floors and tops, [seeds] each.

    ``weight``: of the dataset's comparisons, 1 over their number. ``overlap``: how many times the variance of the mean
    is that of independent seeds (``sampling``).
    """

    floors: Floats
    tops: Floats
    weight: float = 1.0
    overlap: float = 1.0

    @property
    def span(self) -> float:
        return float(self.tops.mean() - self.floors.mean())

    @property
    def constant(self) -> bool:
        """Whether every seed has the same floor and the same top."""
        return bool(np.ptp(self.floors) == 0 and np.ptp(self.tops) == 0)

    def normalised(self, scores: Floats) -> Floats:
        """Scores [seeds] with the mean floor as 0 and the mean top as 1."""
        found: Floats = (scores - self.floors.mean()) / self.span
        return found


def plain_scale(seeds: int) -> Scale:
    """Of scores that are normalised already."""
    return Scale(np.zeros(seeds), np.ones(seeds))


def interquartile_mean(values: Floats, weights: Floats) -> Floats:
    """Mean of the middle half of the weight, with fractions at its ends; over the last axis of both (same shape)."""
    order = np.argsort(values, axis=-1, kind="stable")
    ranked = np.take_along_axis(values, order, axis=-1)
    kept, _ = _middle(np.take_along_axis(np.broadcast_to(weights, values.shape), order, axis=-1))
    result: Floats = (kept * ranked).sum(axis=-1) / kept.sum(axis=-1)
    return result


def _middle(mass: Floats) -> tuple[Floats, Floats]:
    """How much of each mass, in the order of its values, lies in the middle half of all; and the masses summed up."""
    upto = np.cumsum(mass, axis=-1)
    total = upto[..., -1:]
    return np.maximum(np.minimum(upto, 0.75 * total) - np.maximum(upto - mass, 0.25 * total), 0.0), upto


def iqm(scores: Sequence[Floats], strata: Strata, scales: Sequence[Scale] | None = None) -> Estimate:
    """Interquartile mean of one method's scores, an array of its seeds for each dataset, and its 95 % interval.

    The interval is a stratified studentised bootstrap (``tests/leaderboard/test_coverage.py``: 93 to 97 % on ten
    seeds, where the stratified percentile bootstrap covers 90 to 93 %), the percentile bootstrap where there are too
    few runs for it.
    """
    scales = scales or [plain_scale(len(each)) for each in scores]
    once = [np.full((1, len(each)), 1 / len(each)) for each in scores]
    value, error = (float(each[0]) for each in _drawn(scores, scales, once))
    freedom = sum(len(each) - 1 for each in scores)
    if all(len(each) == 1 for each in scores):
        return Estimate(value, None, None)
    if len(scores) < 2 or freedom < FEWEST_FREEDOM:
        drawn, _ = _drawn(scores, scales, [strata.weights(i, len(each)) for i, each in enumerate(scores)])
        wider = value + (drawn - value) * max(scale.overlap for scale in scales) ** 0.5
        low, high = percentile_interval(wider)
        return Estimate(value, float(low), float(high))
    if error < 1e-12:
        return Estimate(value, value, value)
    drawn, errors = _drawn(scores, scales, [strata.all_weights(i, len(each)) for i, each in enumerate(scores)])
    flat = errors < 1e-9 * error
    low, high = percentile_interval((drawn - value) / np.where(flat, error, errors))
    return Estimate(value, value - float(high) * error, value - float(low) * error)


def _trimmed(values: Floats, mass: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """For each row: the part of each mass in the middle half, the mean of it, and the quartiles [rows, 1].

    values: [rows, n], or [1, n] where they are the same under each row of masses [rows, n].
    """
    if len(values) == 1:
        order = np.argsort(values[0], kind="stable")
        ranked, inside = values[:, order], mass[:, order]
    else:
        order = np.argsort(values, axis=1, kind="stable")
        ranked, inside = np.take_along_axis(values, order, axis=1), np.take_along_axis(mass, order, axis=1)
    inside, upto = _middle(inside)
    means = (inside * ranked).sum(axis=1) / inside.sum(axis=1)
    total = upto[:, -1:]
    ends = [np.argmax(upto > total * 0.25 * (1 + 1e-9), axis=1), np.argmax(upto >= total * 0.75 * (1 - 1e-9), axis=1)]
    lowest, highest = (np.broadcast_to(ranked, upto.shape)[np.arange(len(upto)), end][:, None] for end in ends)
    kept = np.empty_like(inside)
    if len(values) == 1:
        kept[:, order] = inside
    else:
        np.put_along_axis(kept, order, inside, axis=1)
    return kept, means, lowest, highest


def _drawn(scores: Sequence[Floats], scales: Sequence[Scale], weights: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Interquartile means under each row of weights ([draws, seeds] for each dataset), and their standard errors.

    The error is that of the influence function: of the trimmed mean (Huber, 1981, section 3.3), scores clipped at the
    quartiles over the half of the mass that counts; and of floors and tops, through the derivative by their means.
    """
    spans = [
        np.maximum(weight @ (scale.tops - scale.floors), LEAST_SPAN * scale.span)
        for scale, weight in zip(scales, weights, strict=True)
    ]
    normal = [
        (each - (weight @ scale.floors)[:, None]) / span[:, None]
        for each, scale, weight, span in zip(scores, scales, weights, spans, strict=True)
    ]
    if all(scale.constant for scale in scales):
        normal = [each[:1] for each in normal]
    pooled = np.concatenate(normal, axis=1)
    mass = np.concatenate([scale.weight * weight for scale, weight in zip(scales, weights, strict=True)], axis=1)
    kept, means, lowest, highest = _trimmed(pooled, mass)
    half = kept.sum(axis=1)
    variance = np.zeros(len(kept))
    start = 0
    for each, scale, weight, span in zip(normal, scales, weights, spans, strict=True):
        seeds = each.shape[1]
        own = kept[:, start : start + seeds]
        start += seeds
        if seeds < 2:
            continue
        by_floor = (own * (each - 1)).sum(axis=1) / span / half
        by_top = -(own * each).sum(axis=1) / span / half
        influence = scale.weight * np.clip(each, lowest, highest) / half[:, None]
        influence = influence + by_floor[:, None] * scale.floors + by_top[:, None] * scale.tops
        first, second = (weight * influence).sum(axis=1), (weight * influence**2).sum(axis=1)
        variance += scale.overlap * np.maximum(second - first**2, 0.0) / (seeds - 1)
    return means, np.sqrt(variance)
