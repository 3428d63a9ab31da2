"""How fast a sweep comes along: seconds by the clock to a second of training, whatever they go to."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

#: Seconds that are looked back, for slots come and go; and how many trainings at least, however long they took.
WINDOW_S, LEAST = 900.0, 20


class Pace:
    """Told of what begins and what comes of it; may be asked from another thread.

    What is under way counts as far as it has come, so that early trainings do not look slower than they are.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: float | None = None
        self._running: dict[str, float] = {}
        self._ended: deque[tuple[float, float, float]] = deque()

    def begins(self, key: str) -> None:
        """A job was given out."""
        self._running[key] = now = self._clock()
        self._first = now if self._first is None else self._first

    def brings(self, key: str, train_s: float, last: bool) -> None:
        """Of a job came a training, or the last one."""
        now = self._clock()
        began = self._running.pop(key, now)
        if not last:
            self._running[key] = now
        self._ended.append((began, now, train_s))
        while len(self._ended) > LEAST and self._ended[0][1] < now - WINDOW_S:
            self._ended.popleft()

    def wall_s(self) -> float | None:
        """Seconds by the clock that a second of training takes, overheads and all slots included; None where no
        training has ended yet."""
        ended, running, now = list(self._ended), list(self._running.values()), self._clock()
        if not ended or self._first is None:
            return None
        start = max(self._first, min(now - WINDOW_S, ended[0][0]))
        worked = sum(now - max(began, start) for began in running)
        for began, until, train_s in ended:
            if until > max(began, start):
                worked += train_s * (until - max(began, start)) / (until - began)
        return (now - start) / worked if worked > 0 and now > start else None
