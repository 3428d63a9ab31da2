"""Teacher-gap-closed: how much of the way from the student alone to its teacher a method goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graph_distillery.leaderboard.statistics.sampling import UNKNOWN, Sampling
from graph_distillery.leaderboard.statistics.summary import SAME, Estimate, mean, paired_gain, t_interval


def clear_lead(above: Mapping[Any, float], below: Mapping[Any, float], sampling: Sampling = UNKNOWN) -> float | None:
    """How far the mean of ``above`` is over that of ``below``; None where its 95 % interval reaches down to zero.

    A share of a lead that may be none says nothing, however many digits it has: the lead is told at a level of 2.5 %,
    one-sided. Seeds are paired, or taken apart where ``above`` lacks some of ``below``'s. One seed has no interval.
    """
    lead = mean(list(above.values() if not below.keys() <= above.keys() else [above[k] for k in below]))
    lead -= mean(list(below.values()))
    if lead < SAME:
        return None
    if len(below) == 1:
        return lead
    if below.keys() <= above.keys():
        from graph_distillery.leaderboard.statistics.paired import paired_test

        found = paired_test({seed: above[seed] for seed in below}, below, None, sampling=sampling)
        low = found.low if found else None
    else:
        ends = [t_interval(list(each.values())) for each in (above, below)]
        halves = [(high - low) / 2 for low, high in ends if low is not None and high is not None]
        low = lead - sum(half**2 for half in halves) ** 0.5
    return lead if low is None or low >= SAME else None


def gap_closed(
    ours: Mapping[Any, float],
    alone: Mapping[Any, float],
    teacher: Mapping[Any, float],
    sampling: Sampling = UNKNOWN,
) -> Estimate | None:
    """(ours - alone) / (teacher - alone) over our seeds, with Fieller's 95 % interval (1954); None where the teacher is
    not clearly better (``clear_lead``), or the student alone lacks a seed.

    The interval carries the noise of all three: it holds every share x for which ours - alone - x (teacher - alone)
    may be zero on average. None where the teacher lacks seeds, or there is one seed.
    """
    gain = paired_gain(ours, alone)
    if gain is None or not teacher:
        return None
    lead = clear_lead(teacher, {seed: alone[seed] for seed in ours}, sampling)
    if lead is None:
        return None
    if len(ours) < 2 or not ours.keys() <= teacher.keys():
        return Estimate(gain / lead, None, None)
    low, high = _fieller(ours, alone, teacher, sampling)
    return Estimate(gain / lead, low, high)


def _fieller(
    ours: Mapping[Any, float], alone: Mapping[Any, float], teacher: Mapping[Any, float], sampling: Sampling
) -> tuple[float | None, float | None]:
    """Where (gain - x lead)^2 = t^2 variance(gain - x lead), which is a square equation in x."""
    import numpy as np

    from graph_distillery.leaderboard.statistics.variance import half_width, items_variance, mean_variance

    seeds = sorted(ours)
    scores = np.array([[each[seed] for seed in seeds] for each in (ours, alone, teacher)])
    gains, leads = scores[0] - scores[1], scores[2] - scores[1]
    gain, lead = gains.mean(), leads.mean()
    drawn = items_variance(scores.mean(axis=1), sampling)
    # Variances of gain, lead, and their sum, as the sampling tells them; the sum gives the covariance.
    items = None if drawn is None else np.array([drawn[0] + drawn[1], drawn[2] + drawn[1], drawn @ [1, 4, 1]])
    variance, freedom = mean_variance(np.stack([gains, leads, gains + leads]), seeds, sampling, items)
    t2 = float(half_width(np.ones(1), freedom[1:2])[0]) ** 2
    shared = (variance[2] - variance[0] - variance[1]) / 2
    a, b, c = lead**2 - t2 * variance[1], gain * lead - t2 * shared, gain**2 - t2 * variance[0]
    root = b * b - a * c
    if a <= SAME**2 or root < 0:
        return None, None
    half = float(np.sqrt(root))
    return float((b - half) / a), float((b + half) / a)
