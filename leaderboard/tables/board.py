"""Groups records into comparisons and builds the board.

Methods without a teacher, and so the student alone, join every comparison of their student; methods without a
student (label propagation, the majority class) join every comparison of their data.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from graph_distillery.bench.records import Environment
from graph_distillery.bench.records.schema import TUNED
from graph_distillery.leaderboard.errors import BoardError
from graph_distillery.leaderboard.read.board_file import BoardFile
from graph_distillery.leaderboard.read.load import Loaded
from graph_distillery.leaderboard.read.rows import NO_STUDENT, RANKED, ROLES, Row, RowKey, make_row, role_of
from graph_distillery.leaderboard.read.runs import Placed
from graph_distillery.leaderboard.read.submissions import make_submissions, named_where_several
from graph_distillery.leaderboard.read.track import in_track
from graph_distillery.leaderboard.reproduction.cells import ReproductionTable
from graph_distillery.leaderboard.tables.changes import Earlier
from graph_distillery.leaderboard.tables.comparison import Comparison, Data
from graph_distillery.leaderboard.tables.declared import untold
from graph_distillery.leaderboard.tables.overall import Overall, make_overall


@dataclass(frozen=True)
class Board:
    """Everything the pages show, in an order that depends on the records' content alone.

    ``published``: tables of papers that the records were run for; their numbers come from elsewhere. ``file``: the
    `board.yaml` that says what its tracks are and whose stores it accepts; None where the stores define it.
    ``earlier``: the version of the board that it tells its changes since.
    """

    comparisons: tuple[Comparison, ...]
    overall: tuple[Overall, ...]
    suite_versions: tuple[str, ...]
    environments: dict[str, Environment]
    warnings: tuple[str, ...]
    published: tuple[ReproductionTable, ...] = ()
    file: BoardFile | None = None
    earlier: Earlier | None = None


def make_board(loaded: Loaded, file: BoardFile | None = None) -> Board:
    """Aggregate loaded records; BoardError where nothing is to be shown or runs contradict.

    file: what the board is; without it every table that the stores can fill is shown.
    """
    entries = [e for e in zip(loaded.records, loaded.places, strict=True) if e[0].kind != "teacher"]
    if not any(record.kind == "report" for record, _ in entries):
        raise BoardError("no report records in the stores: nothing to put on a board")
    tables, warnings = _tables(_cells(entries))
    comparisons = []
    for comparison in _declared(tables, file, loaded.senders, warnings) if file else _by_stores(tables):
        if any(row.test and row.role in RANKED for row in comparison.rows):
            comparisons.append(comparison)
        else:
            warnings.append(f"{comparison.title}: no finished report run yet, left out")
    if not comparisons:
        where = "in a track of the board's file" if file else "in the stores"
        raise BoardError(f"no finished report run of a student {where}: nothing to put on a board")
    ordered = _with_slugs(sorted(comparisons, key=lambda each: each.sort_key))
    made_of = {each.cell.teacher_id: each.cell.derived_from for each in loaded.records if each.kind == "teacher"}
    for comparison in ordered:
        warnings += _row_warnings(comparison, made_of)
    shown = [record for record, _ in entries if record.kind in ("report", "speed")]
    environments: dict[str, Environment] = {}
    for record in shown:
        known = environments.setdefault(record.environment.fingerprint, record.environment)
        if known is not record.environment and known != record.environment:
            newest = max(known, record.environment, key=lambda e: e.model_dump_json())
            environments[record.environment.fingerprint] = newest
    overall = make_overall(ordered)
    warnings += untold(file, ordered, overall) if file else []
    return Board(
        tuple(ordered),
        tuple(overall),
        tuple(sorted({record.suite_version for record in shown})),
        dict(sorted(environments.items())),
        tuple(sorted(set(warnings))),
        file=file,
    )


def _by_stores(tables: Tables) -> Iterator[Comparison]:
    for (data, teacher, student), cells in tables.items():
        rows = [make_row(key, each) for key, each in _grouped(cells).items()]
        yield Comparison(data, teacher, student, _in_order(in_track(rows)))


def _declared(tables: Tables, file: BoardFile, senders: Mapping[str, str], warnings: list[str]) -> Iterator[Comparison]:
    """A comparison for every table and each track that has it; a line on what is in none."""
    rows_of = []
    for cells in tables.values():
        found = [make_submissions(key, each, senders) for key, each in _grouped(cells).items()]
        rows_of.append([row for rows, _ in found for row in rows])
        name = f"{cells[0].data.dataset}, {cells[0].data.split} split"
        warnings += [f"{name}: {note}" for _, notes in found for note in notes]
    margin = file.margin / 100
    for ((data, teacher, student), _), rows in zip(tables.items(), named_where_several(rows_of), strict=True):
        of = [track for track in file.tracks if track.holds(data.dataset, data.split, data.setting, data.metric)]
        of = [track for track in of if track.compares(teacher, student)]
        for track in of:
            shown = [row for row in rows if row.role != "method" or track.shows(row.key.method, of)]
            ranked = _in_order(in_track(shown, track))
            yield Comparison(data, teacher, student, ranked, margin=margin, track=track.name)
        if not of:
            title = Comparison(data, teacher, student, ()).title
            warnings.append(f"{title}, {data.metric}: in no track of the board's file, left out")


def _row_warnings(comparison: Comparison, made_of: Mapping[str | None, str | None]) -> list[str]:
    """made_of: the teacher's id that one was derived from, by its id; a method that does so learnt from both."""
    warnings: list[str] = []
    taught = [row.teacher_ids for row in comparison.rows if row.role == "method" and row.teacher_ids]
    if len({frozenset(made_of.get(each) or each for each in ids) for ids in taught}) > 1:
        warnings.append(f"{comparison.title}: methods learned from different trained teachers")
    for row in comparison.rows:
        cells = {source.cell_id for result in row.results.values() for source in result.sources}
        if len(cells) > 1:  # the id hashes data, teacher, space and search
            warnings.append(f"{comparison.title}: {row.key.name}: runs of {len(cells)} searches or teachers in one row")
        if row.extra and not comparison.track:
            seeds = f"{row.extra} report seed(s) beyond the table's are left out"
            warnings.append(f"{comparison.title}: {row.key.name}: {seeds}")
        for repeat in row.repeats:
            if repeat.agrees is False:
                machine = f"the repeat on {repeat.fingerprint[:12]}"
                warnings.append(f"{comparison.title}: {row.key.name}: {machine} has another mean (Welch's test, 5 %)")
    if comparison.track and (more := [row.key.name for row in comparison.rows if row.extra]):
        warnings.append(f"{comparison.title}: report seeds beyond the track's are left out, of {', '.join(more)}")
    return warnings


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
            models = (teacher or "").removesuffix(TUNED).split("+")  # of several that teach together each has a row
            alike = (self.teacher or "").endswith(TUNED) == (teacher or "").endswith(TUNED)
            return self.student in models and (alike or len(models) > 1)
        if self.teacher is not None:
            return (self.teacher, self.student) == (teacher, student)
        return self.student in (NO_STUDENT, student)

    def among(self, teacher: str | None) -> _RowRecords:
        """The cell as a table of these teachers shows it: of several the row of each says whose it is."""
        if role_of(self.key.method) != "teacher" or self.student == (teacher or "").removesuffix(TUNED):
            return self
        return replace(self, key=replace(self.key, variant=self.student))


Tables = dict[TableKey, list[_RowRecords]]


def _cells(entries: list[Placed]) -> list[_RowRecords]:
    """Records by what they may share a row with."""
    found: dict[tuple[object, ...], _RowRecords] = {}
    for entry in entries:
        record = entry[0]
        c, fixed = record.cell, record.search is None
        data = (c.dataset, c.split, c.setting, c.task, c.metric, c.dataset_sha256, c.node_order_sha256)
        name = (*data, c.taught_by, c.student, c.method, c.variant, fixed)
        if name not in found:
            key = RowKey(c.method, c.variant, fixed)
            found[name] = _RowRecords(Data(*data), c.taught_by, c.student, key, [])
        found[name].members.append(entry)
    return list(found.values())


def _tables(cells: list[_RowRecords]) -> tuple[Tables, list[str]]:
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


def _grouped(cells: list[_RowRecords]) -> dict[RowKey, list[Placed]]:
    grouped: dict[RowKey, list[Placed]] = {}
    for cell in cells:
        grouped.setdefault(cell.key, []).extend(cell.members)
    return {key: each for key, each in grouped.items() if any(r.kind != "speed" for r, _ in each)}


def _in_order(rows: Iterable[Row]) -> tuple[Row, ...]:
    """By score; of equal rows of a method the verified one first."""
    return tuple(sorted(rows, key=_row_order))


def _row_order(row: Row) -> tuple[int, bool, float, bool, RowKey]:
    score = -row.summary.mean if row.summary else 0.0
    return (ROLES.index(row.role), not row.complete, score, not row.verified, row.key)


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
            *([each.track] if each.track else []),
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
