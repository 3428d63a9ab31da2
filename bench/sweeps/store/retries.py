"""Trying again what failed: which records, and what piece of work each is of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graph_distillery.bench.records import Record, Search
from graph_distillery.bench.sweeps.plan.plan import Plan

#: What --retry-failed does again; a configuration that gives no finite number would do so again.
RETRIED = ("failed", "oom", "timeout")

#: Kind, cell, trial, selection, seed.
WorkName = tuple[Any, ...]


def work_name(kind: str, cell_id: str, search: Search | None, seed: int) -> WorkName:
    """What a piece of work is called; one record of it stands."""
    return (kind, cell_id, search.trial if search else None, search.selection if search else None, seed)


def work_of(record: Record) -> WorkName:
    """The piece of work that a record is of."""
    return work_name(record.kind, record.cell.id, record.search, record.seed)


def failures(plan: Plan, records: Iterable[Record]) -> dict[WorkName, str]:
    """Ids of the records to try again: not of a search that is settled."""
    every = list(records)
    left = settled(plan, every)
    return {work_of(r): r.id for r in every if r.status in RETRIED and r.cell.id not in left}


def settled(plan: Plan, records: Iterable[Record]) -> frozenset[str]:
    """Ids of the teachers' own searches in which nothing is tried again: the teacher is trained, and other cells
    stand on it. Another winner would be another teacher."""
    trained = {record.cell.id for record in records if record.kind == "teacher"}
    return frozenset(teacher.search.id for teacher in plan.teachers if teacher.search and teacher.id in trained)
