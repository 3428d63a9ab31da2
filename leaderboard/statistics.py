"""The numbers of the board as plain functions; sums are exact, so the order of the runs does not matter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Key = TypeVar("Key")


@dataclass(frozen=True)
class Summary:
    """Mean over ``n`` runs; sample standard deviation and 95 % t interval of the mean where n > 1."""

    n: int
    mean: float
    std: float | None
    low: float | None
    high: float | None


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean of at least one value."""
    return math.fsum(values) / len(values)


def geometric_mean(values: Sequence[float]) -> float:
    """Geometric mean of positive values."""
    return math.exp(mean([math.log(value) for value in values]))


def summarise(values: Sequence[float]) -> Summary | None:
    """Mean, std (ddof 1) and the 95 % Student t interval of the mean; None for no values."""
    n = len(values)
    if n == 0:
        return None
    centre = mean(values)
    if n == 1:
        return Summary(1, centre, None, None, None)
    from scipy.stats import t

    std = math.sqrt(math.fsum((value - centre) ** 2 for value in values) / (n - 1))
    half = float(t.ppf(0.975, n - 1)) * std / math.sqrt(n)
    return Summary(n, centre, std, centre - half, centre + half)


def paired_gain(ours: Mapping[Key, float], theirs: Mapping[Key, float]) -> float | None:
    """Mean difference over our runs, each against theirs of the same seed; None unless they have all."""
    if not ours or not ours.keys() <= theirs.keys():
        return None
    return mean([value - theirs[key] for key, value in ours.items()])


def average_ranks(scores: Mapping[Key, float]) -> dict[Key, float]:
    """Rank 1 is the highest score; equal scores share the average of their ranks."""
    return {
        key: 1 + sum(other > score for other in scores.values()) + (sum(s == score for s in scores.values()) - 1) / 2
        for key, score in scores.items()
    }


def pareto_front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Which (cost, score) points no other point beats: being as cheap, as good, and better in one."""
    return [not any(c <= cost and s >= score and (c < cost or s > score) for c, s in points) for cost, score in points]
