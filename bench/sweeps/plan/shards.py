"""A part of a plan: some of its cells, with the ids they have in the whole, in a store of its own.

So that independent jobs, each on a machine of its own, share a plan without sharing a store; a board takes all their
stores together and counts what two of them hold, a teacher's record say, once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.ids import content_id
from graph_distillery.bench.sweeps.plan.plan import Cell, Plan

MOST_PARTS = 10_000


@dataclass(frozen=True)
class Part:
    """The number-th of `count` parts, from 1."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def parse_part(text: str, where: str) -> Part:
    """`2/4`.

    Raises:
        UserError: it is not NUMBER/COUNT with 1 <= NUMBER <= COUNT; `where` opens the line.
    """
    match = re.fullmatch(r"([0-9]{1,5})/([0-9]{1,5})", text)
    if match is None:
        raise UserError(f"{where}: {text!r} is not NUMBER/COUNT, as in 2/4")
    part = Part(int(match[1]), int(match[2]))
    if not 1 <= part.number <= part.count <= MOST_PARTS:
        raise UserError(f"{where}: {text!r} is out of range: 1 <= NUMBER <= COUNT <= {MOST_PARTS}")
    return part


def take_part(plan: Plan, part: Part | None, where: str = "--cells") -> Plan:
    """The plan of a part; `None` gives the whole. `where` opens the line of an error.

    Parts are runs of neighbouring cells, so that those of one teacher stay together; whole datasets while there are
    at least as many datasets as parts. Cells, teachers and records have the ids of the whole plan's.

    Raises:
        UserError: there are more parts than cells.
    """
    if part is None or part.count == 1:
        return plan
    groups = _groups(plan, part.count)
    if part.count > len(groups):
        raise UserError(f"{where}: {part.count} parts of {len(groups)} cells: at most one part per cell")
    low, high = (len(groups) * edge // part.count for edge in (part.number - 1, part.number))
    cells = tuple(cell for group in groups[low:high] for cell in group)
    needed = {cell.teacher.id for cell in cells if cell.teacher is not None}
    teachers = tuple(teacher for teacher in plan.teachers if teacher.id in needed)
    id_ = content_id([plan.id, part.number, part.count])
    return replace(plan, cells=cells, teachers=teachers, id=id_, part=str(part))


def _groups(plan: Plan, count: int) -> list[list[Cell]]:
    """What stays together."""
    by_data: dict[object, list[Cell]] = {}
    for cell in plan.cells:
        by_data.setdefault(cell.data, []).append(cell)
    return list(by_data.values()) if len(by_data) >= count else [[cell] for cell in plan.cells]
