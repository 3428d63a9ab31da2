"""The trials of a search that have begun, kept up as they change.

A driver asks after every event what comes next; what it is answered takes no longer the more trials there are.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any

from graph_distillery.bench.sweeps.study.trial import Trial


class KnownTrials:
    """Trials by number, with what they are at. read: makes a trial of its number and configuration, by its records.

    configurations: of all that have begun.
    """

    def __init__(self, read: Callable[[int, Mapping[str, Any]], Trial]) -> None:
        self.configurations: dict[int, Mapping[str, Any]] = {}
        self._read = read
        self._numbers: list[int] = []  # in order, and beside them the trials
        self._trials: list[Trial] = []
        self._changed: set[int] = set()
        self._running: set[int] = set()
        self._free = self._ended = 0
        self._unkeyed: set[int] = set()
        self._keyed: dict[int, int] = {}
        self._alike: dict[int, list[int]] = {}

    def begin(self, number: int, configuration: Mapping[str, Any]) -> None:
        """A trial has begun, or something is new about it."""
        former = self.configurations.get(number)
        if former is not configuration:
            if number in self._keyed:
                self._alike[self._keyed.pop(number)].remove(number)
            self._unkeyed.add(number)
        self.configurations[number] = configuration
        self._changed.add(number)
        self._ended = min(self._ended, number)

    def trial(self, number: int) -> Trial:
        self._refresh()
        return self._trials[bisect_left(self._numbers, number)]

    def every(self) -> list[Trial]:
        """All that have begun, by number."""
        self._refresh()
        return list(self._trials)

    def running(self) -> list[int]:
        """Those that have not ended, in order."""
        self._refresh()
        return sorted(self._running)

    @property
    def any_running(self) -> bool:
        """Whether one has not ended."""
        self._refresh()
        return bool(self._running)

    @property
    def first_free(self) -> int:
        """The lowest number of a trial that has not begun: with several workers a killed driver leaves gaps."""
        while self._free in self.configurations:
            self._free += 1
        return self._free

    def have_ended(self, below: int) -> bool:
        """Whether every trial has begun and ended whose number is lower."""
        self._refresh()
        while self._ended < below and self._ended in self.configurations and self._ended not in self._running:
            self._ended += 1
        return self._ended >= below

    def first_alike(self, number: int) -> int | None:
        """The first trial of the same configuration, if that is another and comes before."""
        while self._unkeyed:  # of searches that are over nobody asks
            other = self._unkeyed.pop()
            self._keyed[other] = _key(self.configurations[other])
            insort(self._alike.setdefault(self._keyed[other], []), other)
        configuration = dict(self.configurations[number])
        of_key = takewhile(lambda other: other < number, self._alike[self._keyed[number]])
        return next((other for other in of_key if dict(self.configurations[other]) == configuration), None)

    def _refresh(self) -> None:
        for number in sorted(self._changed):
            place = bisect_left(self._numbers, number)
            trial = self._read(number, self.configurations[number])
            if place < len(self._numbers) and self._numbers[place] == number:
                self._trials[place] = trial
            else:
                self._numbers.insert(place, number)
                self._trials.insert(place, trial)
            if trial.state == "running":
                self._running.add(number)
            else:
                self._running.discard(number)
        self._changed.clear()


def _key(configuration: Mapping[str, Any]) -> int:
    """Equal for equal configurations, and nearly always another for others."""
    return hash(frozenset(configuration.items()))
