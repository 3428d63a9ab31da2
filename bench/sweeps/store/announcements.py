"""Who is told of a record, once it is on the disk; where records come faster than the disk takes them, of several."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from graph_distillery.bench.records import Record
from graph_distillery.bench.sweeps.store.store import Store

#: What a loss of power may cost at most, besides what was under way: so many records, or those of so many seconds (and
#: of the event that is being handled). Nobody was told of them; a resume trains them again, to the same end.
MOST_RECORDS, MOST_S = 64, 0.05
#: By which these seconds pass; a simulation has its own.
clock: Callable[[], float] = time.monotonic


class Announcements:
    """Of records that were appended and are perhaps not on the disk yet. listeners: may become more."""

    def __init__(self, store: Store, listeners: Sequence[Callable[[Record], None]]) -> None:
        self._store, self._listeners = store, listeners
        self._waiting: list[Record] = []
        self._since = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, record: Record, *, more: bool = False) -> None:
        """One was appended; `settle`."""
        if not self._waiting:
            self._since = clock()
        self._waiting.append(record)
        self.settle(more=more)

    def settle(self, *, more: bool = False) -> None:
        """Sync, and tell; put off where more records come at once and the bounds allow it. Raises RecordError."""
        if more and len(self._waiting) < MOST_RECORDS and clock() - self._since < MOST_S:
            return
        self._store.sync()
        while self._waiting:
            record = self._waiting.pop(0)
            for listener in self._listeners:
                listener(record)
