"""Groups records into comparisons and builds the board.

Methods without a teacher, and so the student alone, join every comparison of their student; methods without a
student (label propagation, the majority class) join every comparison of their data.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

from graph_distillery.bench.records import Environment
from graph_distillery.leaderboard.errors import BoardError
from graph_distillery.leaderboard.read.load import Loaded
from graph_distillery.leaderboard.read.rows import RANKED, ROLES, Row, RowKey, make_row, role_of
from graph_distillery.leaderboard.read.runs import Placed
from graph_distillery.leaderboard.read.track import in_track
from graph_distillery.leaderboard.reproduction.cells import ReproductionTable
from graph_distillery.leaderboard.tables.comparison import Comparison, Data
from graph_distillery.leaderboard.tables.overall import Overall, make_overall


@dataclass(frozen=True)
class Board:
    """Everything the pages show, in an order that depends on the records' content alone.

    ``published``: tables of papers that the records were run for; their numbers come from elsewhere.
    """

    comparisons: tuple[Comparison, ...]
    overall: tuple[Overall, ...]
    suite_versions: tuple[str, ...]
    environments: dict[str, Environment]
    warnings: tuple[str, ...]
    published: tuple[ReproductionTable, ...] = ()


def make_board(loaded: Loaded) -> Board:
    """Aggregate loaded records; BoardError where nothing is to be shown or runs contradict."""
    entries = [e for e in zip(loaded.records, loaded.places, strict=True) if e[0].kind != "teacher"]
    if not any(record.kind == "report" for record, _ in entries):
        raise BoardError("no report records in the stores: nothing to put on a board")
    tables, warnings = _tables(_cells(entries))
    comparisons = []
    for (data, teacher, student), cells in tables.items():
        comparison = Comparison(data, teacher, student, _rows(cells))
        if any(row.test and row.role in RANKED for row in comparison.rows):
            comparisons.append(comparison)
        else:
            warnings.append(f"{comparison.title}: no finished report run yet, left out")
    if not comparisons:
        raise BoardError("no finished report run of a student in the stores: nothing to put on a board")
    ordered = _with_slugs(sorted(comparisons, key=lambda each: each.sort_key))
    for comparison in ordered:
        warnings += _row_warnings(comparison)
    shown = [record for record, _ in entries if record.kind in ("report", "speed")]
    environments: dict[str, Environment] = {}
    for record in shown:
        known = environments.setdefault(record.environment.fingerprint, record.environment)
        if known is not record.environment and known != record.environment:
            newest = max(known, record.environment, key=lambda e: e.model_dump_json())
            environments[record.environment.fingerprint] = newest
    return Board(
        tuple(ordered),
        tuple(make_overall(ordered)),
        tuple(sorted({record.suite_version for record in shown})),
        dict(sorted(environments.items())),
        tuple(sorted(set(warnings))),
    )


def _row_warnings(comparison: Comparison) -> list[str]:
    warnings = []
    used = {row.teacher_ids for row in comparison.rows if row.role == "method" and row.teacher_ids}
    if len(used) > 1:
        warnings.append(f"{comparison.title}: methods learned from different trained teachers")
    for row in comparison.rows:
        cells = {source.cell_id for result in row.results.values() for source in result.sources}
        if len(cells) > 1:  # the id hashes data, teacher, space and search
            warnings.append(f"{comparison.title}: {row.key.name}: runs of {len(cells)} searches or teachers in one row")
        if row.extra:
            seeds = f"{row.extra} report seed(s) beyond the table's are left out"
            warnings.append(f"{comparison.title}: {row.key.name}: {seeds}")
        for repeat in row.repeats:
            if repeat.agrees is False:
                machine = f"the repeat on {repeat.fingerprint[:12]}"
                warnings.append(f"{comparison.title}: {row.key.name}: {machine} has another mean (Welch's test, 5 %)")
    return warnings


NO_STUDENT = "none"
TableKey = tuple[Data, str | None, str]


@dataclass(frozen=True)
class _RowRecords:
    """The records of one row before it is known which tables show it."""

    data: Data
    teacher: str | None
    student: str
    key: RowKey
    members: list[Placed]

    @property
    def stage(self) -> int:
        """Tables are opened by the most particular rows first, so that the others find them."""
        if role_of(self.key.method) not in RANKED:
            return 3
        return 0 if self.teacher is not None else 1 if self.student != NO_STUDENT else 2

    def joins(self, table: TableKey) -> bool:
        """Whether a row without a teacher, or without a student, belongs to a table that has one."""
        data, teacher, student = table
        if data != self.data:
            return False
        if role_of(self.key.method) == "teacher":
            return self.student in (teacher or "").split("+")  # of several that teach together each has a row
        if self.teacher is not None:
            return (self.teacher, self.student) == (teacher, student)
        return self.student in (NO_STUDENT, student)

    def among(self, teacher: str | None) -> _RowRecords:
        """The cell as a table of these teachers shows it: of several the row of each says whose it is."""
        if role_of(self.key.method) != "teacher" or self.student == teacher:
            return self
        return replace(self, key=replace(self.key, variant=self.student))


def _cells(entries: list[Placed]) -> list[_RowRecords]:
    """Records by what they may share a row with."""
    found: dict[tuple[object, ...], _RowRecords] = {}
    for entry in entries:
        record = entry[0]
        c, fixed = record.cell, record.search is None
        data = (c.dataset, c.split, c.setting, c.task, c.metric, c.dataset_sha256, c.node_order_sha256)
        name = (*data, c.teacher, c.student, c.method, c.variant, fixed)
        if name not in found:
            key = RowKey(c.method, c.variant, fixed)
            found[name] = _RowRecords(Data(*data), c.teacher, c.student, key, [])
        found[name].members.append(entry)
    return list(found.values())


def _tables(cells: list[_RowRecords]) -> tuple[dict[TableKey, list[_RowRecords]], list[str]]:
    """Cells by comparison, shared rows joined to each of theirs; warnings for those that fit nowhere."""
    tables: dict[TableKey, list[_RowRecords]] = {}
    warnings = []
    for cell in sorted(cells, key=lambda each: each.stage):
        homes = [key for key in tables if cell.joins(key)]
        if not homes and role_of(cell.key.method) in RANKED:
            homes = [(cell.data, cell.teacher, cell.student)]
        for key in homes:
            tables.setdefault(key, []).append(cell.among(key[1]))
        if not homes and any(record.kind == "report" for record, _ in cell.members):
            warnings.append(f"{cell.data.dataset}: the {cell.key.method} row has no students beside it")
    return tables, warnings


def _rows(cells: list[_RowRecords]) -> tuple[Row, ...]:
    grouped: dict[RowKey, list[Placed]] = {}
    for cell in cells:
        grouped.setdefault(cell.key, []).extend(cell.members)
    rows = [make_row(key, each) for key, each in grouped.items() if any(r.kind != "speed" for r, _ in each)]
    return tuple(sorted(in_track(rows), key=_row_order))


def _row_order(row: Row) -> tuple[int, bool, float, RowKey]:
    score = -row.summary.mean if row.summary else 0.0
    return (ROLES.index(row.role), not row.complete, score, row.key)


def _with_slugs(comparisons: list[Comparison]) -> list[Comparison]:
    """File names from untrusted names: letters, digits and dashes, a hash where two would collide."""
    slugs = []
    for each in comparisons:
        names = (
            each.data.dataset,
            each.data.split,
            each.data.setting,
            each.teacher or "no-teacher",
            each.student,
        )
        slugs.append("-".join(slugify(name) for name in names))
    return [
        replace(each, slug=slug if slugs.count(slug) == 1 else f"{slug}-{_short_hash(each)}")
        for each, slug in zip(comparisons, slugs, strict=True)
    ]


def slugify(name: str) -> str:
    """Lower-case letters, digits and single dashes, at most 40 characters, never empty."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "x"


def _short_hash(comparison: Comparison) -> str:
    return hashlib.sha256("\0".join(comparison.sort_key).encode()).hexdigest()[:8]
