"""What a table of the page is made of: cells with the text that is read, the value that sorts and a note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from graph_distillery.leaderboard.read.rows import Role
from graph_distillery.leaderboard.tables.comparison import Comparison
from graph_distillery.leaderboard.text import NONE, number


@dataclass(frozen=True)
class Figure:
    """A picture inside the page."""

    name: str
    title: str
    caption: str
    svg: Markup

    @property
    def heading(self) -> str:
        """What kind of picture it is; the rest of the title says of what."""
        return self.title.partition(":")[0]


@dataclass(frozen=True)
class Column:
    """A heading, what it means, and the group of columns that it belongs to."""

    title: str
    help: str
    group: str = ""


@dataclass(frozen=True)
class Bar:
    """An interval as the table draws it: percent of the track's width."""

    low: float
    mid: float
    high: float


@dataclass(frozen=True)
class TableCell:
    """``value`` sorts (None: last), ``note`` is one line on what the number is."""

    text: str
    value: float | None = None
    note: str = ""
    best: bool = False
    bar: Bar | None = None


@dataclass(frozen=True)
class Line:
    """A row; ``ref`` is its place in the document, ``comparison.row``."""

    name: str
    role: Role
    tag: str
    ref: str
    cells: list[TableCell]
    status: str = ""
    verdict: str = ""
    verified: bool = False


@dataclass(frozen=True)
class Section:
    """An overall table, or one comparison."""

    slug: str
    title: str
    lead: str
    columns: list[Column]
    lines: list[Line]
    figures: list[Figure]
    datasets: list[str]
    protocols: list[str]
    models: str
    notes: list[str] = field(default_factory=list)


def protocol(comparison: Comparison) -> str:
    return f"{comparison.data.setting}, {comparison.data.split}"


def models(teacher: str | None, student: str) -> str:
    return f"{teacher} → {student}" if teacher else f"{student}, no teacher"


def minutes(hours: float | None) -> str:
    return NONE if hours is None else number(60 * hours)


def track(low: float | None, mid: float, high: float | None, ends: Sequence[float]) -> Bar | None:
    """Where an interval lies on the track that all intervals of its column share."""
    left, right = min(ends, default=0.0), max(ends, default=0.0)
    if right <= left:
        return None
    places = [(mid if value is None else value) for value in (low, mid, high)]
    return Bar(*(round(100 * (value - left) / (right - left), 1) for value in places))
