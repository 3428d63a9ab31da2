"""A shard of a plan: some of its cells, with the ids they have in the whole, in a store of its own.

So that independent jobs, each on a machine of its own, share a plan without sharing a store; a board takes all their
stores together and counts what two of them hold, a teacher's record say, once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.ids import content_id
from graph_distillery.bench.sweeps.plan.plan import Cell, Plan

MOST_SHARDS = 10_000


@dataclass(frozen=True)
class Shard:
    """The number-th of `count` shards, from 1."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def parse_shard(text: str, where: str) -> Shard:
    """`2/4`.

    Raises:
        UserError: it is not NUMBER/COUNT with 1 <= NUMBER <= COUNT; `where` opens the line.
    """
    match = re.fullmatch(r"([0-9]{1,5})/([0-9]{1,5})", text)
    if match is None:
        raise UserError(f"{where}: {text!r} is not NUMBER/COUNT, as in 2/4")
    shard = Shard(int(match[1]), int(match[2]))
    if not 1 <= shard.number <= shard.count <= MOST_SHARDS:
        raise UserError(f"{where}: {text!r} is out of range: 1 <= NUMBER <= COUNT <= {MOST_SHARDS}")
    return shard


def take_shard(plan: Plan, shard: Shard | None, where: str = "--cells") -> Plan:
    """The plan of a shard; `None` gives the whole. `where` opens the line of an error.

    Shards are runs of neighbouring cells, so that those of one teacher stay together; whole datasets while there are
    at least as many datasets as shards. Cells, teachers and records have the ids of the whole plan's.

    Raises:
        UserError: there are more shards than cells.
    """
    if shard is None or shard.count == 1:
        return plan
    groups = _groups(plan, shard.count)
    if shard.count > len(groups):
        raise UserError(f"{where}: {shard.count} shards of {len(groups)} cells: at most one shard per cell")
    low, high = (len(groups) * edge // shard.count for edge in (shard.number - 1, shard.number))
    cells = tuple(cell for group in groups[low:high] for cell in group)
    needed = {teacher.id for cell in cells for teacher in cell.teachers}
    teachers = tuple(teacher for teacher in plan.teachers if teacher.id in needed)
    id_ = content_id([plan.id, shard.number, shard.count])
    return replace(plan, cells=cells, teachers=teachers, id=id_, shard=str(shard))


def plan_of_shard(plan: Plan, shard: str | None, where: str) -> Plan:
    """The same of a shard as it is written, `2/4`; None gives the whole."""
    return plan if shard is None else take_shard(plan, parse_shard(shard, where), where)


def _groups(plan: Plan, count: int) -> list[list[Cell]]:
    """What stays together."""
    by_data: dict[object, list[Cell]] = {}
    for cell in plan.cells:
        by_data.setdefault(cell.data, []).append(cell)
    return list(by_data.values()) if len(by_data) >= count else [[cell] for cell in plan.cells]
