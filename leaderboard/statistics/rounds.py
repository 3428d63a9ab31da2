"""Latencies over rounds: the median and its interval, which need no law of the times."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from graph_distillery.leaderboard.statistics.summary import Estimate

_BESIDE = 0.05


def median_over_rounds(values: Sequence[float]) -> Estimate:
    """The median, and the order statistics that hold the true one with a chance of at least 95 %.

    The k-th smallest and the k-th largest hold it with 1 - 2 P(Binomial(n, 1/2) < k) (David and Nagaraja, Order
    Statistics, 2003, section 7.1). Five rounds' extremes hold it with 93.75 % only, and are given all the same; from
    two rounds on there is an interval.
    """
    ordered = sorted(values)
    n = len(ordered)
    middle = statistics.median(ordered)
    if n < 2:
        return Estimate(middle, None, None)
    k = 1
    while 2 * sum(math.comb(n, below) for below in range(k + 1)) / 2**n <= _BESIDE:
        k += 1
    return Estimate(middle, ordered[k - 1], ordered[n - k])
