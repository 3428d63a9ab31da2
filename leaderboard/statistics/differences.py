"""Intervals of the difference of every two rows of a table at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graph_distillery.leaderboard.statistics.resampling import Floats
from graph_distillery.leaderboard.statistics.sampling import Run, Sampling
from graph_distillery.leaderboard.statistics.summary import mean, mean_interval
from graph_distillery.leaderboard.statistics.variance import half_width, items_variance, mean_variance

_FEW = 15  # rows: above, the bootstrap of seeds taken as independent gives way to Student's t


def difference_bounds(
    rows: Sequence[Mapping[Run, float]],
    runs: Sequence[Run],
    sampling: Sampling,
    drawn: Sequence[Floats] | None = None,
) -> tuple[list[float], list[float]]:
    """The lower and upper ends of the 95 % intervals of (first - second), for the pairs (0, 1), (0, 2) ... (1, 2) ...

    rows: scores by run, of which ``runs`` count; drawn: of every row its resampled means [resamples], which decide
    then. The intervals that ``paired_test`` has. Both ends are the difference where there is nothing to tell them.
    """
    scores = np.array([[row[run] for run in runs] for row in rows])
    means = np.array([mean(row.tolist()) for row in scores])
    items = items_variance(means, sampling) if sampling.known else None
    lows: list[float] = []
    highs: list[float] = []
    for one in range(len(rows) - 1):
        others = slice(one + 1, None)
        centre = means[one] - means[others]
        if drawn is not None:
            low, high = np.quantile(drawn[one] - np.array(drawn[others]), (0.025, 0.975), axis=1)
        elif not sampling.known and len(rows) <= _FEW:
            found = [mean_interval(line.tolist()) for line in scores[one] - scores[others]]
            low, high = (
                np.array([at if ends[side] is None else ends[side] for ends, at in zip(found, centre, strict=True)])
                for side in (0, 1)
            )
        else:
            of_items = None if items is None else items[one] + items[others]
            half = half_width(*mean_variance(scores[one] - scores[others], runs, sampling, of_items))
            low, high = centre - half, centre + half
        lows += low.tolist()
        highs += high.tolist()
    return lows, highs
