"""Teacher-gap-closed: how much of the way from the student alone to its teacher a method goes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graph_distillery.leaderboard.statistics.summary import SAME, Estimate, mean, paired_gain

if TYPE_CHECKING:
    from graph_distillery.leaderboard.statistics.resampling import Floats


@dataclass(frozen=True)
class Gap:
    """The share of one dataset's gap that was closed, and its bootstrap draws; no draws for a single seed."""

    value: float
    draws: Floats | None


def clear_lead(
    above: Mapping[Any, float], below: Mapping[Any, float], stratum: str
) -> tuple[float, Floats | None] | None:
    """How far the mean of ``above`` is over that of ``below``, with its bootstrap draws; None where noise could be it.

    A share of a lead that is not there in every resample of the seeds says nothing, however many digits it has. Seeds
    are resampled together, or apart where ``above`` lacks some of ``below``'s. A single seed has no draws.
    """
    import numpy as np

    from graph_distillery.leaderboard.statistics.resampling import Strata

    seeds = sorted(below)
    paired = below.keys() <= above.keys()
    upper = [above[seed] for seed in (seeds if paired else sorted(above))]
    lower = [below[seed] for seed in seeds]
    lead = mean(upper) - mean(lower)
    if lead < SAME:
        return None
    if len(seeds) == 1:
        return lead, None
    strata = Strata((stratum,) if paired else (stratum, f"{stratum} teacher"))
    draws = strata.means(0 if paired else 1, np.array(upper)) - strata.means(0, np.array(lower))
    return (lead, draws) if bool((draws >= SAME).all()) else None


def gap_closed(
    ours: Mapping[Any, float], alone: Mapping[Any, float], teacher: Mapping[Any, float], stratum: str
) -> Gap | None:
    """(ours - alone) / (teacher - alone) over our seeds; None where the teacher is not clearly better (``clear_lead``),
    or a seed is missing. All three are resampled on the same seeds."""
    import numpy as np

    from graph_distillery.leaderboard.statistics.resampling import Strata

    gain = paired_gain(ours, alone)
    if gain is None or not teacher:
        return None
    lead = clear_lead(teacher, {seed: alone[seed] for seed in ours}, stratum)
    if lead is None:
        return None
    gap, gaps = lead
    if gaps is None:
        return Gap(gain / gap, None)
    gains = Strata((stratum,)).means(0, np.array([ours[seed] - alone[seed] for seed in sorted(ours)]))
    return Gap(gain / gap, gains / gaps)


def mean_gap(gaps: Sequence[Gap | None]) -> Estimate | None:
    """The mean over datasets, only where every one has a value, with an interval where every one has draws."""
    import numpy as np

    from graph_distillery.leaderboard.statistics.resampling import percentile_interval

    known = [gap for gap in gaps if gap is not None]
    if not known or len(known) < len(gaps):
        return None
    value = math.fsum(gap.value for gap in known) / len(known)
    draws = [gap.draws for gap in known if gap.draws is not None]
    if len(draws) < len(known):
        return Estimate(value, None, None)
    low, high = percentile_interval(np.mean(draws, axis=0))
    return Estimate(value, float(low), float(high))
