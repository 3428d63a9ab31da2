"""Seeded resampling of seeds within datasets, the same on every machine and for every method.

The draws depend on the data and the number of runs alone, not on the methods, so that a method's interval
does not change when another comes or goes, and two methods are always resampled on the same seeds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 2000


@dataclass(frozen=True)
class Strata:
    """Bootstrap draws of runs within each of the named strata (datasets).

    Each stratum of n runs is resampled by n - 1 draws (the rescaling bootstrap of Rao and Wu, 1988): n draws would
    understate the variance of a mean by the factor (n - 1) / n, a tenth of it on ten seeds. A single run stays as it
    is.
    """

    names: tuple[str, ...]
    resamples: int = RESAMPLES

    def weights(self, stratum: int, runs: int) -> Floats:
        """How often each run was drawn, as a share: [resamples, runs], each row summing to 1."""
        return _weights(self.names[stratum], runs, self.resamples)

    def means(self, stratum: int, values: Floats) -> Floats:
        """Resampled means of a value per run: [..., runs] to [..., resamples]."""
        result: Floats = values @ self.weights(stratum, values.shape[-1]).T
        return result


@lru_cache(maxsize=128)
def _weights(name: str, n: int, resamples: int) -> Floats:
    if n == 1:
        return np.ones((resamples, 1))
    seed = int.from_bytes(hashlib.sha256(f"{name}\0{n}\0{resamples}".encode()).digest()[:16], "big")
    # The raw bits of a bit generator never change between versions of NumPy; its derived draws may.
    raw = np.random.PCG64(seed).random_raw(resamples * (n - 1)).reshape(resamples, n - 1)
    drawn = ((raw >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32)
    flat = drawn.astype(np.int64) + n * np.arange(resamples)[:, None]
    counts = np.bincount(flat.ravel(), minlength=n * resamples).reshape(resamples, n)
    weights = counts / (n - 1)
    weights.setflags(write=False)
    return weights


def percentile_interval(draws: Floats, axis: int = -1) -> tuple[Any, Any]:
    """The middle 95 % of resampled values."""
    low, high = np.quantile(draws, (0.025, 0.975), axis=axis)
    return low, high
