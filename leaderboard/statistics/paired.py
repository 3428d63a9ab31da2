"""Paired tests over seeds: what one method's runs say against another's on the same seeds.

Where records tell how the seeds use the data (``sampling``), the test is Student's t with the variance that splits of
one dataset really leave: corrected for their overlap ("corrected_t", from five splits on), or with the variance of
the test items that all runs share ("items_t"). Where runs share them and their predictions are at hand, both seeds and
items are drawn again ("items_bootstrap", ``items``), for a single seed too.

Where they do not, seeds are all there is, and the test is Wilcoxon's signed-rank test, two-sided, exact: zero
differences are dropped (Wilcoxon, 1945), tied ones share the average of their ranks, and p is computed from the
distribution over all sign patterns of those ranks, so that it holds for the tied differences that accuracies on a
finite test set give. On n seeds its p is at least 2^(1 - n), so that few seeds and many rows leave it without any
chance of significance after Holm's adjustment. Then, by the number of seeds and rows alone and never by the outcome,
the paired t test stands in from five seeds on; it assumes differences near normal, which so few cannot show. Below
five nothing is decided. Effect sizes are the matched-pairs rank-biserial correlation (Kerby, 2014) and Cohen's d of
the differences (dz).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeVar

from graph_distillery.leaderboard.statistics.sampling import UNKNOWN, Sampling
from graph_distillery.leaderboard.statistics.summary import SAME, mean, mean_interval

if TYPE_CHECKING:
    from graph_distillery.leaderboard.statistics.resampling import Floats

Key = TypeVar("Key", bound=Hashable)

Test = Literal["wilcoxon", "t", "corrected_t", "items_t", "items_bootstrap"]

LEVEL = 0.05
FEWEST_FOR_T = 5
_EXACT_UP_TO = 200


@dataclass(frozen=True)
class PairedTest:
    """Ours minus theirs over ``n`` shared seeds.

    ``difference`` is the mean difference, ``low`` and ``high`` its 95 % interval (``mean_interval``). ``p`` is that
    of ``test``, None where the seeds are too few for either; ``p_holm`` is adjusted for the comparisons of the table,
    None too where nothing was tested.
    ``rank_biserial`` is in [-1, 1]; ``cohen_dz`` is None where the differences do not vary.
    """

    n: int
    difference: float
    low: float | None
    high: float | None
    test: Test | None
    p: float | None
    p_holm: float | None
    rank_biserial: float
    cohen_dz: float | None
    wins: int
    ties: int
    losses: int

    @property
    def significant(self) -> bool:
        return self.p_holm is not None and self.p_holm <= LEVEL

    def within(self, margin: float) -> bool:
        """Whether the whole 95 % interval lies within the margin on either side: practically equal."""
        return self.low is not None and self.high is not None and -margin <= self.low and self.high <= margin


def choose_test(n: int, comparisons: int, sampling: Sampling = UNKNOWN) -> Test | None:
    """The test for ``n`` independent seeds or splits, by their number and the comparisons' alone.

    Where the sampling is known, the t test that goes with it; else Wilcoxon's where it could find a difference among
    the comparisons, else the plain t test. None where there are too few.
    """
    if sampling.known:
        if sampling.kind == "fixed":
            return "items_t" if n > 1 else None
        return "corrected_t" if n >= FEWEST_FOR_T else None
    if smallest_p(n) * comparisons <= LEVEL:
        return "wilcoxon"
    return "t" if n >= FEWEST_FOR_T else None


def paired_test(
    ours: Mapping[Key, float],
    theirs: Mapping[Key, float],
    test: Test | None = "wilcoxon",
    p_holm: float | None = None,
    sampling: Sampling = UNKNOWN,
    drawn: Floats | None = None,
) -> PairedTest | None:
    """Compare runs on the seeds both have; None where they share none. ``p_holm``: adjusted, of several comparisons.

    drawn: [resamples], the differences of the means when seeds and test items are drawn again; they then decide.
    """
    from graph_distillery.leaderboard.statistics.items import items_test  # numpy loads here

    shared = [key for key in ours if key in theirs]
    if not shared:
        return None
    differences = [_rounded(ours[key] - theirs[key]) for key in shared]
    n, centre = len(shared), mean(differences)
    if drawn is None:
        p = pair_p(test, ours, theirs, sampling) if test else None
        low, high = _interval(differences, ours, theirs, shared, sampling)
    else:
        found = items_test(centre, drawn)
        p, low, high = found.p, found.low, found.high
    spread = math.sqrt(math.fsum((d - centre) ** 2 for d in differences) / (n - 1)) if n > 1 else 0.0
    return PairedTest(
        n=n,
        difference=centre,
        low=low,
        high=high,
        test=test,
        p=p,
        p_holm=p if p is None or p_holm is None else p_holm,
        rank_biserial=rank_biserial(differences),
        cohen_dz=centre / spread if spread > SAME else None,
        wins=sum(d > 0 for d in differences),
        ties=sum(d == 0 for d in differences),
        losses=sum(d < 0 for d in differences),
    )


def pair_p(test: Test, ours: Mapping[Key, float], theirs: Mapping[Key, float], sampling: Sampling) -> float:
    """Two-sided p of two rows under a test, on the seeds both have; 1 where they share none."""
    import numpy as np

    shared = [key for key in ours if key in theirs]
    if not shared or (test != "wilcoxon" and len(shared) < 2):
        return 1.0
    if test == "wilcoxon":
        return wilcoxon_p([_rounded(ours[key] - theirs[key]) for key in shared])
    scores = np.array([[row[key] for key in shared] for row in (ours, theirs)])
    return float(t_pairs(scores, shared, sampling)[0, 1])


def t_pairs(scores: Floats, runs: Sequence[Hashable], sampling: Sampling) -> Floats:
    """Two-sided p of every pair of rows, [rows, rows], by the t test that goes with the sampling; 1 on the diagonal.

    scores: [rows, runs]. 1 where all differences of a pair are zero; 0 where they are all the same otherwise, and no
    variance of test items is known.
    """
    import numpy as np

    from graph_distillery.leaderboard.statistics.variance import items_variance, mean_variance, two_sided_p

    rows = len(scores)
    means = np.array([mean(row.tolist()) for row in scores])
    items = items_variance(means, sampling)
    found = np.ones((rows, rows))
    for one in range(rows - 1):
        differences = np.round(scores[one] - scores[one + 1 :], 13)
        drawn = None if items is None else items[one] + items[one + 1 :]
        variance, freedom = mean_variance(differences, runs, sampling, drawn)
        found[one, one + 1 :] = found[one + 1 :, one] = two_sided_p(differences.mean(axis=-1), variance, freedom)
    return found


def _interval(
    differences: Sequence[float],
    ours: Mapping[Key, float],
    theirs: Mapping[Key, float],
    shared: Sequence[Key],
    sampling: Sampling,
) -> tuple[float | None, float | None]:
    if not sampling.known or sampling.samples(shared) < 2:
        return mean_interval(differences)
    import numpy as np

    from graph_distillery.leaderboard.statistics.variance import difference_interval

    means = [mean([row[key] for key in shared]) for row in (ours, theirs)]
    return difference_interval(np.array(differences), shared, sampling, means)


def smallest_p(n: int) -> float:
    """The least p that Wilcoxon's two-sided test can give on ``n`` pairs: 0.0625 for 5, 0.00195 for 10."""
    return min(1.0, 2.0 ** (1 - n))


def seeds_needed(comparisons: int) -> int:
    """The fewest pairs on which one of that many comparisons can be significant after Holm's adjustment."""
    return 1 + math.ceil(math.log2(max(1, comparisons) / LEVEL))


def wilcoxon_p(differences: Sequence[float]) -> float:
    """Exact two-sided p of Wilcoxon's signed-rank test; 1 where all differences are zero."""
    doubled, positive = _signed_ranks(differences)
    if not doubled:
        return 1.0
    if len(doubled) > _EXACT_UP_TO:
        from scipy.stats import wilcoxon

        return float(wilcoxon([d for d in differences if d], method="asymptotic").pvalue)
    return _tail(tuple(sorted(doubled)), positive)


def rank_biserial(differences: Sequence[float]) -> float:
    """(rank sum of wins - rank sum of losses) over their total: 1 where every difference is a win, 0 without any."""
    doubled, positive = _signed_ranks(differences)
    total = sum(doubled)
    return (2 * positive - total) / total if total else 0.0


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (1979), in the order given."""
    adjusted = [0.0] * len(ps)
    highest = 0.0
    for position, index in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        highest = max(highest, min(1.0, (len(ps) - position) * ps[index]))
        adjusted[index] = highest
    return adjusted


def _rounded(difference: float) -> float:
    return 0.0 if abs(difference) < SAME else difference


def _signed_ranks(differences: Sequence[float]) -> tuple[list[int], int]:
    """Twice the ranks (whole numbers, ties too) of the absolute nonzero differences; twice the rank sum of wins."""
    left = sorted((d for d in differences if abs(d) >= SAME), key=abs)
    doubled: list[int] = []
    while len(doubled) < len(left):
        first = len(doubled)
        last = first
        while last + 1 < len(left) and abs(left[last + 1]) - abs(left[first]) < SAME:
            last += 1
        doubled += [first + last + 2] * (last - first + 1)
    return doubled, sum(rank for rank, d in zip(doubled, left, strict=True) if d > 0)


@lru_cache(maxsize=65536)
def _tail(doubled: tuple[int, ...], positive: int) -> float:
    """Two-sided p: the chance, over all signs, of a rank sum at least as far from its mean."""
    counts = _distribution(doubled)
    low = min(positive, sum(doubled) - positive)
    return min(1.0, 2 * sum(counts[: low + 1]) / 2 ** len(doubled))


@lru_cache(maxsize=4096)
def _distribution(doubled: tuple[int, ...]) -> list[int]:
    """Number of sign patterns per doubled rank sum; whole numbers, so exact."""
    counts = [1]
    for rank in doubled:
        longer = counts + [0] * rank
        for total, count in enumerate(counts):
            longer[total + rank] += count
        counts = longer
    return counts
