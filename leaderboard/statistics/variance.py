"""The variance of means over runs, as ``sampling`` tells it; arrays in, arrays out, so that a table is one call."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from graph_distillery.leaderboard.statistics.resampling import Floats
from graph_distillery.leaderboard.statistics.sampling import Run, Sampling
from graph_distillery.leaderboard.statistics.summary import SAME, Summary, mean, summarise_scores

_MANY = 1e9  # degrees of freedom of what is as good as known


def items_variance(means: Floats, sampling: Sampling) -> Floats | None:
    """Of mean scores (any shape), the variance of drawing the test items; None where it is not known.

    The share is drawn a little to the middle (Agresti and Coull, 1998), so that a perfect score has a variance.
    """
    if not sampling.items_known or not sampling.test_items:
        return None
    n = sampling.test_items
    share = (np.clip(means, 0.0, 1.0) * n + 2) / (n + 4)
    variance: Floats = share * (1 - share) / n
    return variance


def mean_variance(
    values: Floats, runs: Sequence[Hashable], sampling: Sampling, items: Floats | None
) -> tuple[Floats, Floats]:
    """The variance of means over runs, and its degrees of freedom.

    values: [..., runs]; items: the variance of drawing the test items, [...], where it is known. Zero variance and no
    degrees of freedom for a single sample.
    """
    grouped = _group_means(values, sampling.groups(runs))
    n = grouped.shape[-1]
    if n < 2:
        zero = np.zeros(values.shape[:-1])
        return zero, zero
    s2 = grouped.var(axis=-1, ddof=1)
    s2 = np.where(s2 < SAME**2, 0.0, s2)
    freedom = np.full(s2.shape, float(n - 1))
    ratio = sampling.ratio
    if sampling.kind == "fixed" and items is not None:
        return _with_items(s2 / n, n, items)
    if sampling.kind != "redrawn" or ratio is None:
        return s2 / n, freedom
    corrected = s2 * (1 / n + ratio)
    if items is None or ratio <= 1:
        return corrected, freedom
    other, others_freedom = _with_items(s2 * (1 / n + 1 / ratio), n, items)
    smaller = half_width(other, others_freedom) < half_width(corrected, freedom)
    return np.where(smaller, other, corrected), np.where(smaller, others_freedom, freedom)


def overlap(runs: Sequence[Hashable], sampling: Sampling) -> float:
    """How many times the variance of a mean over runs is that of independent ones, by the overlap of splits
    alone: that of test parts, or of training parts where most items test."""
    n, ratio = sampling.samples(runs), sampling.ratio
    if sampling.kind != "redrawn" or ratio is None:
        return len(runs) / n if n else 1.0
    return len(runs) / n * (1 + n * min(ratio, 1 / ratio))


def _with_items(seeds: Floats, n: int, items: Floats) -> tuple[Floats, Floats]:
    total = seeds + items
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = np.where(seeds > 0, (n - 1) * (total / seeds) ** 2, _MANY)
    return total, np.minimum(freedom, _MANY)


def half_width(variance: Floats, freedom: Floats, level: float = 0.975) -> Floats:
    """Half of the interval of a mean: Student's quantile times the standard error; zero where there is no freedom."""
    from scipy.special import stdtrit

    known = np.maximum(freedom, 1.0)
    width: Floats = np.where(freedom > 0, stdtrit(known, level) * np.sqrt(variance), 0.0)
    return width


def two_sided_p(means: Floats, variance: Floats, freedom: Floats) -> Floats:
    """Two-sided p of means under Student's law; 1 for a mean of zero without variance, 0 for any other without."""
    from scipy.special import stdtr

    flat = variance <= SAME**2
    t = np.abs(means) / np.sqrt(np.where(flat, 1.0, variance))
    p: Floats = np.where(flat, np.where(np.abs(means) < SAME, 1.0, 0.0), 2 * stdtr(np.maximum(freedom, 1.0), -t))
    return p


def _group_means(values: Floats, groups: Sequence[int]) -> Floats:
    count = max(groups) + 1
    if count == len(groups):
        return values
    chosen = np.array(groups)
    return np.stack([values[..., chosen == number].mean(axis=-1) for number in range(count)], axis=-1)


def summarise_runs(scores: Mapping[Run, float], sampling: Sampling) -> Summary | None:
    """Mean, deviation and 95 % interval of a row's scores, by run; None for no runs, no interval for a single one."""
    runs = sorted(scores, key=str)
    summary = summarise_scores([scores[run] for run in runs])
    if summary is None or not sampling.known or sampling.samples(runs) < 2:
        return summary
    low, high = difference_interval(np.array([scores[run] for run in runs]), runs, sampling, [summary.mean])
    return replace(summary, low=max(0.0, low), high=min(1.0, high))


def difference_interval(
    values: Floats, runs: Sequence[Hashable], sampling: Sampling, of: Sequence[float]
) -> tuple[float, float]:
    """The 95 % interval of the mean of values [runs] that are scores, or differences of scores with these means."""
    drawn = items_variance(np.array(of), sampling)
    variance, freedom = mean_variance(values, runs, sampling, None if drawn is None else drawn.sum())
    centre, half = mean(values.tolist()), float(half_width(variance, freedom))
    return centre - half, centre + half
