"""What an open store holds: of a large one with an index, a cell's records are read when somebody asks for them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from graph_distillery.bench.records import Record, read_records
from graph_distillery.bench.records.index import Reading, read_indexed
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store.kept_status import progress_of
from graph_distillery.bench.sweeps.store.status import WENT_WELL, CellStatus, seconds_by_cell


class Held:
    """The records of a store that stand, and those that its driver adds.

    ids: of all that there ever were, those too in whose place others stand. told: how far each cell is, as the index
    of a large store has it; what was added since is not in that.
    """

    def __init__(self, path: Path, plan: Plan) -> None:
        """Raises RecordError where a record cannot be read."""
        self._added: list[Record] = []
        self._added_to: dict[str, list[Record]] = defaultdict(list)
        self._reading: Reading | None = read_indexed(path)
        progress = progress_of(plan, self._reading) if self._reading is not None else None
        if self._reading is not None and progress is not None:
            self.told: Mapping[str, CellStatus] = {cell.id: cell for cell in progress.cells}
            self._gone = self._reading.superseded()
            self.ids = self._reading.ids() | self._gone
            return
        found = self._reading.everything() if self._reading is not None else read_records(path)
        self.close()
        self._reading = None
        self.told, self._gone, self.ids = {}, set(found.superseded), set(found.superseded)
        for record in found.records:
            self.add(record)

    def add(self, record: Record) -> None:
        """One more, which may stand in the place of others."""
        self.ids.add(record.id)
        self._added.append(record)
        self._added_to[record.cell.id].append(record)
        self._gone.update(record.supersedes or ())

    def __len__(self) -> int:
        return len(self.ids - self._gone)

    def of_cell(self, cell_id: str) -> list[Record]:
        """Those of a cell or teacher, kind by kind in the order in which they were written, and the added ones."""
        return self._standing(lambda reading: reading.of({cell_id}).records, self._added_to.get(cell_id, ()))

    def every(self) -> list[Record]:
        """All of them; of a large store they are read anew each time."""
        return self._standing(lambda reading: reading.everything().records, self._added)

    def teachers(self) -> list[Record]:
        """Those of teachers."""
        added = (record for record in self._added if record.kind == "teacher")
        return self._standing(lambda reading: reading.teachers(), added)

    def failed(self) -> list[Record]:
        """Those that neither went well nor were pruned."""
        added = (record for record in self._added if record.status not in WENT_WELL)
        return self._standing(lambda reading: reading.other_than(WENT_WELL), added)

    def seconds(self) -> tuple[float, int]:
        """Of the trainings of trials and reports that ended well, and how many."""
        each = seconds_by_cell(self._added).values()
        before = self._reading.seconds(WENT_WELL) if self._reading is not None else (0.0, 0)
        return before[0] + math.fsum(seconds for seconds, _ in each), before[1] + sum(number for _, number in each)

    def _standing(self, read: Callable[[Reading], Sequence[Record]], added: Iterable[Record]) -> list[Record]:
        before = read(self._reading) if self._reading is not None else ()
        return [record for record in (*before, *added) if record.id not in self._gone]

    def close(self) -> None:
        if self._reading is not None:
            self._reading.close()
