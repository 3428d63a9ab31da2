"""Random numbers that are the same on every machine and under every NumPy.

NumPy keeps the raw streams of its bit generators stable but may change what `Generator` makes of them (NEP
19).
Splits and generated datasets outlive a NumPy release, so everything here is made from the raw stream.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray


class Stream:
    """Random numbers for a seed and a purpose; streams of different purposes are independent."""

    def __init__(self, seed: int, purpose: str) -> None:
        key = np.random.SeedSequence(seed, spawn_key=(zlib.crc32(purpose.encode()),))
        self._bits = np.random.PCG64(key)

    def permutation(self, count: int) -> NDArray[np.int64]:
        """[count] int64: the numbers 0 .. count - 1 in random order."""
        return np.argsort(self._bits.random_raw(count), kind="stable").astype(np.int64)

    def uniform(self, *shape: int) -> NDArray[np.float64]:
        """Numbers in [0, 1), of the given shape."""
        raw = self._bits.random_raw(int(np.prod(shape)))
        return ((raw >> np.uint64(11)).astype(np.float64) * 2.0**-53).reshape(shape)

    def integers(self, below: NDArray[np.int64] | int, *shape: int) -> NDArray[np.int64]:
        """Numbers in [0, below); `below` is one bound, or an array that broadcasts to the shape."""
        return np.floor(self.uniform(*shape) * below).astype(np.int64)

    def normal(self, *shape: int) -> NDArray[np.float64]:
        """Standard normal numbers by Box and Muller, rounded to 2^-12.

        The rounding takes away the last bits, in which the logarithms of two machines may differ.
        """
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(*shape)))
        return np.round(radius * np.cos(2.0 * np.pi * self.uniform(*shape)) * 4096.0) / 4096.0
