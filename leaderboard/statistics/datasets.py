"""Tests over datasets (Demšar, JMLR 2006): Friedman, Nemenyi's critical difference, Wilcoxon-Holm for every pair."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

from graph_distillery.leaderboard.statistics.paired import LEVEL, holm, smallest_p, wilcoxon_p
from graph_distillery.leaderboard.statistics.summary import average_ranks, mean

Key = TypeVar("Key")

#: Below five datasets a critical difference says little, and the tests are not made.
FEWEST_DATASETS = 5


@dataclass(frozen=True)
class DatasetTests(Generic[Key]):
    """Methods compared over datasets.

    ``chi_squared`` and ``p`` are Friedman's, with the correction for ties; ``f`` and ``f_p`` Iman and Davenport's
    less conservative form; all None for fewer than three methods. Mean ranks that differ by less than
    ``critical_difference`` (Nemenyi, 5 %) are not distinguishable: ``cliques`` are the largest such sets, best rank
    first. ``pairs`` holds Wilcoxon's p over datasets, Holm-adjusted over all pairs; ``decidable`` tells whether any
    outcome on that many datasets could have been significant.
    """

    datasets: int
    mean_ranks: dict[Key, float]
    chi_squared: float | None
    p: float | None
    f: float | None
    f_p: float | None
    critical_difference: float
    cliques: tuple[tuple[Key, ...], ...]
    pairs: dict[tuple[Key, Key], float]
    decidable: bool


def dataset_tests(scores: Mapping[Key, Sequence[float]]) -> DatasetTests[Key] | None:
    """Compare methods by a score per dataset; None for fewer than five datasets or two methods."""
    keys = list(scores)
    n = len(next(iter(scores.values()), ()))
    if n < FEWEST_DATASETS or len(keys) < 2:
        return None
    by_dataset = [average_ranks({key: scores[key][i] for key in keys}) for i in range(n)]
    ranks = {key: mean([each[key] for each in by_dataset]) for key in keys}
    order = sorted(keys, key=lambda key: ranks[key])
    chi, p, f, f_p = friedman(by_dataset) if len(keys) > 2 else (None, None, None, None)
    difference = critical_difference(len(keys), n)
    pairs = list(itertools.combinations(order, 2))
    raw = [wilcoxon_p([a - b for a, b in zip(scores[one], scores[other], strict=True)]) for one, other in pairs]
    return DatasetTests(
        datasets=n,
        mean_ranks={key: ranks[key] for key in order},
        chi_squared=chi,
        p=p,
        f=f,
        f_p=f_p,
        critical_difference=difference,
        cliques=_cliques(order, ranks, difference),
        pairs=dict(zip(pairs, holm(raw), strict=True)),
        decidable=smallest_p(n) * len(pairs) <= LEVEL,
    )


def friedman(ranks: Sequence[Mapping[Key, float]]) -> tuple[float, float, float | None, float]:
    """Friedman's chi-squared with its p, and Iman and Davenport's F with its p, from the ranks on each dataset.

    F is None (infinite) where all datasets give the same order without ties.
    """
    from scipy.special import chdtrc, fdtrc

    n, k = len(ranks), len(ranks[0])
    centre = (k + 1) / 2
    between = math.fsum(math.fsum(each[key] - centre for each in ranks) ** 2 for key in ranks[0]) / n
    within = math.fsum((rank - centre) ** 2 for each in ranks for rank in each.values()) / (n * (k - 1))
    if within == 0:  # every method ties with every other, everywhere
        return 0.0, 1.0, 0.0, 1.0
    chi = between / within
    p = float(chdtrc(k - 1, chi))
    rest = n * (k - 1) - chi
    if rest <= 1e-9:
        return chi, p, None, 0.0
    f = (n - 1) * chi / rest
    return chi, p, f, float(fdtrc(k - 1, (k - 1) * (n - 1), f))


@lru_cache(maxsize=256)
def critical_difference(methods: int, datasets: int) -> float:
    """Nemenyi's, at 5 %: q sqrt(k (k + 1) / (6 N)), q the studentised range over sqrt(2)."""
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(0.95, methods, math.inf)) / math.sqrt(2)
    return q * math.sqrt(methods * (methods + 1) / (6 * datasets))


def _cliques(order: Sequence[Key], ranks: Mapping[Key, float], difference: float) -> tuple[tuple[Key, ...], ...]:
    """Maximal runs of at least two neighbours whose mean ranks differ by less than the critical difference."""
    found: list[tuple[Key, ...]] = []
    reached = 0
    for first in range(len(order)):
        last = max(i for i in range(first, len(order)) if ranks[order[i]] - ranks[order[first]] < difference)
        if last > first and last + 1 > reached:
            found.append(tuple(order[first : last + 1]))
            reached = last + 1
    return tuple(found)
