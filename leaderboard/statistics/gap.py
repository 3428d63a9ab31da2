"""Teacher-gap-closed: how much of the way from the student alone to its teacher a method goes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from leaderboard.statistics.summary import SAME, Estimate, mean, paired_gain

if TYPE_CHECKING:
    from leaderboard.statistics.resampling import Floats


@dataclass(frozen=True)
class Gap:
    """The share of one dataset's gap that was closed, and its bootstrap draws; no draws where the seeds allow none."""

    value: float
    draws: Floats | None


def gap_closed(
    ours: Mapping[Any, float], alone: Mapping[Any, float], teacher: Mapping[Any, float], stratum: str
) -> Gap | None:
    """(ours - alone) / (teacher - alone) over our seeds; None where the teacher is no better, or a seed is missing.

    Seeds are resampled together for all three, or apart for a teacher that has other seeds. There are no draws for a
    single seed, nor where the teacher is not better in every resample: the ratio then has no interval.
    """
    import numpy as np

    from leaderboard.statistics.resampling import Strata

    gain = paired_gain(ours, alone)
    if gain is None or not teacher:
        return None
    seeds = sorted(ours)
    paired = ours.keys() <= teacher.keys()
    above = [teacher[seed] for seed in (seeds if paired else sorted(teacher))]
    gap = mean(above) - mean([alone[seed] for seed in seeds])
    if gap < SAME:
        return None
    if len(seeds) == 1:
        return Gap(gain / gap, None)
    strata = Strata((stratum,) if paired else (stratum, f"{stratum} teacher"))
    base = strata.means(0, np.array([alone[seed] for seed in seeds]))
    gaps = strata.means(0 if paired else 1, np.array(above)) - base
    gains = strata.means(0, np.array([ours[seed] for seed in seeds])) - base
    return Gap(gain / gap, gains / gaps if bool((gaps > 0).all()) else None)


def mean_gap(gaps: Sequence[Gap | None]) -> Estimate | None:
    """The mean over datasets, only where every one has a value, with an interval where every one has draws."""
    import numpy as np

    from leaderboard.statistics.resampling import percentile_interval

    known = [gap for gap in gaps if gap is not None]
    if not known or len(known) < len(gaps):
        return None
    value = math.fsum(gap.value for gap in known) / len(known)
    draws = [gap.draws for gap in known if gap.draws is not None]
    if len(draws) < len(known):
        return Estimate(value, None, None)
    low, high = percentile_interval(np.mean(draws, axis=0))
    return Estimate(value, float(low), float(high))
