"""What may happen in the middle of a training without being part of it: neither its time nor its random numbers."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


class TimeLimitExceeded(RuntimeError):
    """A run took longer than it may."""


class Clock:
    """The seconds of a training, less those in which it was held up; the limit counts them alike."""

    def __init__(self, limit_s: float | None = None) -> None:
        self.limit_s = limit_s
        self._start = time.perf_counter()
        self._stopped_at: float | None = None

    @property
    def seconds(self) -> float:
        return (self._stopped_at or time.perf_counter()) - self._start

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self._stopped_at = time.perf_counter()
        yield
        self._start += time.perf_counter() - self._stopped_at
        self._stopped_at = None

    def check(self, when: str) -> None:
        """Raises TimeLimitExceeded."""
        if self.limit_s is not None and self.seconds > self.limit_s:
            raise TimeLimitExceeded(f"past its time limit {when}")


@contextmanager
def same_draws(device: torch.device) -> Iterator[None]:
    """Whatever is drawn meanwhile, training draws what it would have drawn."""
    python, array = random.getstate(), np.random.get_state()  # noqa: NPY002 - the generator that methods may use
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield
    random.setstate(python)
    np.random.set_state(array)  # noqa: NPY002
