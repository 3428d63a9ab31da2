"""A bias that a row's cells share: each may be within its allowance, and all of them low."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist, fmean

from graph_distillery.leaderboard.reproduction.cells import ReproductionCell, ReproductionTable

#: Of a standard normal, beyond which a row is said to be low or high, where most datasets are.
TELLING = 1.96


@dataclass(frozen=True)
class SharedBias:
    """A row over its datasets. below, above: datasets whose z is negative, positive; z: pooled over all of them."""

    row: str
    datasets: int
    below: int
    above: int
    z: float

    @property
    def p(self) -> float:
        """Two-sided, of a standard normal."""
        return 2 * NormalDist().cdf(-abs(self.z))

    @property
    def says(self) -> str:
        """low, high, or nothing that tells: one dataset far off is no bias that the others share."""
        if self.z <= -TELLING and self.below > self.above:
            return "low"
        return "high" if self.z >= TELLING and self.above > self.below else "nothing"


def z_of(cell: ReproductionCell) -> float | None:
    """(ours - theirs) / sqrt((published deviation^2 + ours^2) / n), n the seeds that ours is to have, which the
    published mean is taken to have as well; None where a number, a deviation or a seed is missing, where the published
    number is unverified, or where nothing varies."""
    theirs, ours = cell.published, cell.ours.summary
    if theirs is None or theirs.std is None or theirs.confidence == "unverified" or cell.needs is not None:
        return None
    if ours is None or ours.std is None or not cell.ours.complete:
        return None
    error = math.hypot(theirs.std, ours.std) / math.sqrt(cell.ours.expected)
    return (ours.mean - theirs.mean) / error if error > 0 else None


def shared_bias(reproduction: ReproductionTable) -> list[SharedBias]:
    """Every row that has a z on two datasets or more: pooled, their sum over the square root of their number.

    A dataset's z is the mean of its columns', which are of the same runs (ind, tran and prod), or of other ones; so it
    spreads no more than a standard normal does, and the pooled one neither.
    """
    found = []
    for row in reproduction.rows:
        by_dataset: dict[str, list[float]] = {}
        for cell in reproduction.cells:
            z = z_of(cell) if cell.row == row else None
            if z is not None:
                by_dataset.setdefault(cell.dataset or cell.column, []).append(z)
        each = [fmean(columns) for columns in by_dataset.values()]
        if len(each) > 1:
            pooled = sum(each) / math.sqrt(len(each))
            found.append(SharedBias(row, len(each), sum(z < 0 for z in each), sum(z > 0 for z in each), pooled))
    return found
