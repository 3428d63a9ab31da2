"""What a page of a published table is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from graph_distillery.bench.records import Record
from graph_distillery.leaderboard.statistics import Summary, summarise

Confidence = Literal["table", "secondary", "unverified"]


@dataclass(frozen=True)
class Published:
    """A published score in percent, and how it is known."""

    mean: float
    std: float | None
    confidence: Confidence
    source: str


@dataclass(frozen=True)
class Ours:
    """Our runs of one cell: scores in percent by report seed. failed: seeds whose run did not end well."""

    expected: int
    values: Mapping[int, float] = field(default_factory=dict)
    failed: tuple[int, ...] = ()
    trained_s: float = 0.0

    @property
    def summary(self) -> Summary | None:
        return summarise(list(self.values.values()))

    @property
    def complete(self) -> bool:
        return len(self.values) >= self.expected


@dataclass(frozen=True)
class Variation:
    """The same cell run otherwise. note: what is different."""

    name: str
    note: str
    ours: Ours


@dataclass(frozen=True)
class ReproductionCell:
    """One number of a table and what ours is. needs: why nothing can be run, if so; dataset: of the column."""

    row: str
    column: str
    published: Published | None
    ours: Ours
    needs: str | None = None
    quirks: tuple[Variation, ...] = ()
    explanation: str | None = None
    dataset: str | None = None


@dataclass(frozen=True)
class ReproductionTable:
    """A table with all that its page shows. runs: name and what is run, in words; command: what runs it again."""

    name: str
    title: str
    paper: str
    venue: str
    url: str
    table: str
    metric: str
    source: str
    confidence: Confidence
    protocol: Mapping[str, str]
    differences: tuple[str, ...]
    runs: Mapping[str, str]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[ReproductionCell, ...]
    command: str
    versions: tuple[str, ...] = ()
    stand_in: bool = False

    def at(self, row: str, column: str) -> ReproductionCell | None:
        """The cell of a row and a column, if the paper has one."""
        return next((cell for cell in self.cells if (cell.row, cell.column) == (row, column)), None)


def ours_of(
    records: Iterable[Record],
    expected: int,
    method: str,
    variant: str = "paper",
    student: str | None = None,
    teacher: str | None = None,
    part: str | None = None,
) -> Ours:
    """The report runs of one row among a stage's records. part: of the test scores; the metric's own by default, and of
    `majority` the share of the largest class of what is judged."""
    values: dict[int, float] = {}
    failed: set[int] = set()
    seconds = 0.0
    for record in records:
        cell = record.cell
        if record.kind != "report" or (cell.method, cell.variant) != (method, variant):
            continue
        if method != "teacher" and student is not None and cell.student not in (student, "none"):
            continue
        if teacher is not None and (cell.student if method == "teacher" else cell.teacher) not in (teacher, None):
            continue
        test = record.metrics.test or {}
        score = test.get(part or cell.metric)
        if method == "majority" and part is None:  # what it guesses from training may be no majority there
            score = test.get("largest_class", score)
        if record.status == "ok" and score is not None:
            values[record.seed] = 100 * score
            seconds += record.timings.train_s
        else:
            failed.add(record.seed)
    return Ours(expected, dict(sorted(values.items())), tuple(sorted(failed - values.keys())), seconds)
