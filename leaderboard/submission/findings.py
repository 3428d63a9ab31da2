"""A finding, and the records of one row as the checks see them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from graph_distillery.bench.records import Record

Level = Literal["refuse", "look"]


@dataclass(frozen=True)
class Finding:
    """``refuse``: against the protocol; ``look``: a maintainer must judge. ``where`` names the row or the record."""

    level: Level
    check: str
    where: str
    text: str


@dataclass
class CellRecords:
    """One row's records in a store."""

    name: str
    method: str
    trials: list[Record] = field(default_factory=list)
    reports: list[Record] = field(default_factory=list)
    speeds: list[Record] = field(default_factory=list)

    def scored(self, selection: str) -> list[Record]:
        """Finished report runs of one configuration; a winner that is the default stands for both."""
        return [
            r for r in self.reports
            if r.status == "ok" and (r.search.selection if r.search else "fixed") in (selection, "both")
        ]  # fmt: skip

    @property
    def selections(self) -> list[str]:
        return sorted({r.search.selection or "" if r.search else "fixed" for r in self.reports} - {"both"}) or ["tuned"]


def place_of(record: Record) -> str:
    """The row that a record belongs to, as findings name it."""
    c = record.cell
    teacher = f"{c.taught_by} to " if c.taught_by else ""
    variant = "" if c.variant == "paper" else f" ({c.variant})"
    return f"{c.dataset}/{c.split} {teacher}{c.student} {c.method}{variant}"


def cells_of(records: Iterable[Record]) -> list[CellRecords]:
    """Records by row, in the order of names; teachers' own trainings are left out."""
    found: dict[tuple[object, ...], CellRecords] = {}
    for record in records:
        if record.kind == "teacher":
            continue
        c, fixed = record.cell, record.search is None
        # The id tells a student's own search from that of a teacher of the same model.
        key = (c.dataset, c.split, c.setting, c.taught_by, c.student, c.method, c.variant, fixed, c.id)
        if key not in found:
            found[key] = CellRecords(place_of(record), c.method)
        cell = found[key]
        {"trial": cell.trials, "report": cell.reports, "speed": cell.speeds}[record.kind].append(record)
    return sorted(found.values(), key=lambda each: each.name)
