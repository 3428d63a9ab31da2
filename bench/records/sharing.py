"""Equal parts of many records as one object, so that a large store fits in memory.

A store of 200,000 records names a few hundred cells, searches and machines; kept apart, they are most of its size.
"""

from __future__ import annotations

import gc
import marshal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graph_distillery.bench.records.schema import Record


class Sharing:
    """Replaces the parts of validated records by equal ones met before."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def share(self, record: Record) -> None:
        """Records and their parts are frozen, so nobody can tell, but for the memory."""
        fields = record.__dict__
        for name in ("cell", "search", "environment"):
            part = fields[name]
            if part is not None:
                # Strict fields: equal values have equal types, so a tuple of them is the part.
                fields[name] = self._known.setdefault((name, *part.__dict__.values()), part)
        hparams = fields["hparams"]
        fields["hparams"] = self._known.setdefault(marshal.dumps(hparams, 2), hparams)  # tells 1 from 1.0 and true
        for part in (record, fields["metrics"], fields["timings"]):
            given = part.__pydantic_fields_set__
            object.__setattr__(part, "__pydantic_fields_set__", self._known.setdefault(frozenset(given), given))


@contextmanager
def collector_paused() -> Iterator[None]:
    """Python's cycle collector would walk all records again and again while they are read; they have no cycles.

    What was made meanwhile is then of the collector's oldest generation, as if it had been walked: else it would be
    walked three times right after, which takes longer than the reading.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():  # somebody else's stay frozen
                gc.freeze()
                gc.unfreeze()
            gc.enable()
