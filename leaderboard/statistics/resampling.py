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

    def all_weights(self, stratum: int, runs: int) -> Floats:
        """The plain bootstrap, n draws of n, for statistics that are studentised: [resamples, runs]."""
        return draws_of_all(self.names[stratum], runs, self.resamples)

    def means(self, stratum: int, values: Floats) -> Floats:
        """Resampled means of a value per run: [..., runs] to [..., resamples]."""
        result: Floats = values @ self.weights(stratum, values.shape[-1]).T
        return result


@lru_cache(maxsize=128)
def _weights(name: str, n: int, resamples: int) -> Floats:
    return _drawn(f"{name}\0{n}\0{resamples}", n, max(1, n - 1), resamples)


@lru_cache(maxsize=32)
def draws_of_all(name: str, n: int, resamples: int = RESAMPLES) -> Floats:
    """The plain bootstrap, n draws of n: shares [resamples, n]. For statistics that are studentised."""
    return _drawn(f"{name}\0all\0{n}\0{resamples}", n, n, resamples)


def fresh_draws(name: str, n: int, resamples: int) -> Floats:
    """``draws_of_all``, not kept: for as many items as a test set has."""
    return _drawn(f"{name}\0fresh\0{n}\0{resamples}", n, n, resamples)


def _drawn(seed_text: str, n: int, draws: int, resamples: int) -> Floats:
    seed = int.from_bytes(hashlib.sha256(seed_text.encode()).digest()[:16], "big")
    # The raw bits of a bit generator never change between versions of NumPy; its derived draws may.
    raw = np.random.PCG64(seed).random_raw(resamples * draws).reshape(resamples, draws)
    chosen = ((raw >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32)
    flat = chosen.astype(np.int64) + n * np.arange(resamples)[:, None]
    weights = np.bincount(flat.ravel(), minlength=n * resamples).reshape(resamples, n) / draws
    weights.setflags(write=False)
    return weights


def percentile_interval(draws: Floats, axis: int = -1) -> tuple[Any, Any]:
    """The middle 95 % of resampled values."""
    low, high = np.quantile(draws, (0.025, 0.975), axis=axis)
    return low, high
