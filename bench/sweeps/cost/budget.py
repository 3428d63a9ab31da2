"""What of a sweep fits a budget of time: the cells that take the least first, so that most of them are finished."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph_distillery.bench.sweeps.cell_run import CellRun
from graph_distillery.bench.sweeps.cost.estimate import (
    SPEED_S,
    Parts,
    anew_key,
    at_once,
    parts_of,
    progress_of,
    start_s,
)
from graph_distillery.bench.sweeps.plan.plan import Cell, Plan
from graph_distillery.bench.sweeps.study.warm_starts import sources_of
from graph_distillery.bench.text import duration

if TYPE_CHECKING:
    from graph_distillery.bench.sweeps.means import Means

#: What a cell that was begun and is not finished when the time is up is left with.
TIME_IS_UP = "begun; the time was up"


@dataclass(frozen=True)
class Allowance:
    """What a sweep may do now. cells: ids of searches, in the order in which they are done; left: of those that are
    left for later why, by id; seconds: that those which fit are estimated to take; until: on the monotonic clock."""

    cells: tuple[str, ...]
    left: Mapping[str, str]
    seconds: float
    until: float

    @property
    def is_over(self) -> bool:
        """Whether the time is up: what is under way ends, and nothing more is begun."""
        return time.monotonic() >= self.until

    def why_not(self, cell_id: str) -> str | None:
        """Why a search that is not finished is left for later; None where it should have been finished."""
        return self.left.get(cell_id) or (TIME_IS_UP if self.is_over else None)


def what_fits(plan: Plan, store: Path, means: Means, seconds: float) -> Allowance:
    """The cells that fit `seconds` from now, timed as for `estimate`, the estimate's own time included.

    A cell brings what it stands on, unless another cell has: its teachers, their own searches, and with warm starts the
    searches that it learns from. Next is always the cell that takes the least with all of that; ties go to the plan's
    order. A cell that cannot be timed is left out.

    Raises:
        UserError: as of `progress_of`.
    """
    until = time.monotonic() + seconds
    choice = _Choice(plan, parts_of(plan, progress_of(plan, store), means), means)
    room = until - time.monotonic()
    left: dict[str, str] = {}
    open_ = list(plan.cells)
    while open_:
        costs = [(choice.seconds(cell), cell) for cell in open_]
        least, cell = min(costs, key=lambda each: float("inf") if each[0] is None else each[0])
        if least is None or least > room - choice.spent:
            left = {cell.id: _why(cost) for cost, cell in costs}
            break
        choice.take(cell, least)
        open_.remove(cell)
    for search in plan.searches:  # the own search of a teacher of none that fits
        if search.id not in choice.cells and search.id not in left:
            left[search.id] = "no cell that fits takes its teacher"
    return Allowance(tuple(choice.cells), left, choice.spent, until)


def _why(cost: float | None) -> str:
    return "cannot be timed" if cost is None else f"about {duration(cost)} do not fit"


@dataclass
class _Choice:
    """What is chosen so far. spent: the seconds of it."""

    plan: Plan
    parts: Parts
    means: Means
    cells: dict[str, None] = field(default_factory=dict)
    spent: float = 0.0
    _made: set[Any] = field(default_factory=set)
    _runs: dict[str, CellRun] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.plan.spec.search.transfer:
            self._runs = {cell.id: CellRun(cell, self.plan.spec) for cell in self.plan.searches}

    def seconds(self, cell: Cell) -> float | None:
        """What a cell takes with all that it stands on and that is not chosen yet."""
        training, timing = 0.0, 0
        for search in self._with_its_sources(cell):
            if search.id in self.cells:
                continue
            own = self.parts.cells[search.id]
            if own is None:
                return None
            training += own
            timing += self.parts.speeds[search.id]
        training += sum(seconds for key, seconds in self._made_for(cell).items() if key not in self._made)
        starts = start_s(self.means) if not self.spent and training + timing else 0.0
        return starts + training / at_once(self.means) + timing * SPEED_S

    def take(self, cell: Cell, seconds: float) -> None:
        """Choose a cell, and what it stands on before it."""
        self.cells |= dict.fromkeys(search.id for search in self._with_its_sources(cell))
        self._made |= self._made_for(cell).keys()
        self.spent += seconds

    def _with_its_sources(self, cell: Cell) -> list[Cell]:
        """The searches that must be over before the cell's own, in an order in which they can be; then the cell."""
        found: dict[str, Cell] = {}
        for teacher in cell.teachers:
            if teacher.search is not None:
                found |= {search.id: search for search in self._with_its_sources(teacher.search)}
        for run in sources_of(cell, self._runs) if self._runs else ():
            found |= {search.id: search for search in self._with_its_sources(run.cell)}
        found[cell.id] = cell
        return list(found.values())

    def _made_for(self, cell: Cell) -> dict[Any, float]:
        """What is made for the cell and its sources: teachers, and teachers made anew."""
        found: dict[Any, float] = {}
        for search in self._with_its_sources(cell):
            found |= {teacher.id: self.parts.teachers[teacher.id] for teacher in search.teachers}
            if anew_key(search) in self.parts.anew:
                found[anew_key(search)] = self.parts.anew[anew_key(search)]
        return found
