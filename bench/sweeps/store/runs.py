"""The cells of a driver, each with its records from when it is first looked at."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Literal

from graph_distillery.bench.records import Record
from graph_distillery.bench.sweeps.cell_run import CellRun
from graph_distillery.bench.sweeps.plan.plan import Cell
from graph_distillery.bench.sweeps.spec import Spec
from graph_distillery.bench.sweeps.store.status import CellStatus


def run_of(cell: Cell, spec: Spec, records: Iterable[Record], again: Container[str], fuses: bool) -> CellRun:
    """A cell with its records; again: ids of those that are to be done again."""
    run = CellRun(cell, spec, fuses=fuses)
    for record in records:
        if record.id in again:
            run.take_again(record)
        else:
            run.take([record])
    return run


class Runs(Mapping[str, CellRun]):
    """By the cells' ids, in their order. make: a cell's run. told: what is known of cells before; of those that are
    over or done nothing need be read to go on with the others.
    """

    def __init__(self, cells: Iterable[Cell], make: Callable[[Cell], CellRun], told: Mapping[str, CellStatus]) -> None:
        self._cells = {cell.id: cell for cell in cells}
        self._make, self._told = make, dict(told)
        self._made: dict[str, CellRun] = {}

    def __getitem__(self, cell_id: str) -> CellRun:
        made = self._made.get(cell_id)
        if made is None:
            made = self._made[cell_id] = self._make(self._cells[cell_id])
            self._told.pop(cell_id, None)
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def __contains__(self, cell_id: object) -> bool:
        return cell_id in self._cells

    def in_passing(self) -> Iterator[CellRun]:
        """Each in turn; those that nobody has looked at are let go again."""
        return (self._made.get(cell_id) or self._make(cell) for cell_id, cell in self._cells.items())

    def told(self, cell_id: str) -> CellStatus | None:
        """How far a cell is that was not looked at yet, where that is known."""
        return self._told.get(cell_id)

    def over(self, cell_id: str, what: Literal["search", "all"]) -> bool:
        """Whether it is known before a cell is looked at that its search has ended, or that it lacks nothing."""
        told = self._told.get(cell_id)
        return told is not None and (told.state == "done" or (what == "search" and told.state == "reporting"))
