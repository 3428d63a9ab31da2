"""Groups records into comparisons and builds the board.

Methods without a teacher, and so the student alone, join every comparison of their student; methods without a
student (label propagation, the majority class) join every comparison of their data.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

from bench.records import Environment, Record
from leaderboard.comparison import Comparison, Data
from leaderboard.errors import BoardError
from leaderboard.load import Loaded
from leaderboard.overall import Overall, make_overall
from leaderboard.rows import RANKED, ROLES, Replicate, Row, RowKey, make_row, role_of

Entry = tuple[Record, str]


@dataclass(frozen=True)
class Board:
    """Everything the pages show, in an order that depends on the records' content alone."""

    comparisons: tuple[Comparison, ...]
    overall: tuple[Overall, ...]
    suite_versions: tuple[str, ...]
    environments: dict[str, Environment]
    warnings: tuple[str, ...]


def make_board(loaded: Loaded) -> Board:
    """Aggregate loaded records; BoardError where nothing is to be shown or runs contradict."""
    entries = [e for e in zip(loaded.records, loaded.places, strict=True) if e[0].kind != "teacher"]
    if not any(record.kind == "report" for record, _ in entries):
        raise BoardError("no report records in the stores: nothing to put on a board")
    groups, warnings = _group(entries)
    comparisons = []
    for (data, teacher, student), members in groups.items():
        comparison = Comparison(data, teacher, student, _rows(members))
        if any(row.test and row.role in RANKED for row in comparison.rows):
            comparisons.append(comparison)
        else:
            warnings.append(f"{comparison.title}: no finished report run yet, left out")
    if not comparisons:
        raise BoardError("no finished report run of a student in the stores: nothing to put on a board")
    ordered = _with_slugs(sorted(comparisons, key=lambda each: each.sort_key))
    for comparison in ordered:
        used = {row.teacher_ids for row in comparison.rows if row.role == "method" and row.teacher_ids}
        if len(used) > 1:
            warnings.append(f"{comparison.title}: methods learned from different trained teachers")
    shown = [record for record, _ in entries if record.kind in ("report", "speed")]
    environments = {r.environment.fingerprint: r.environment for r in sorted(shown, key=lambda r: r.to_json())}
    return Board(
        tuple(ordered),
        tuple(make_overall(ordered)),
        tuple(sorted({record.suite_version for record in shown})),
        dict(sorted(environments.items())),
        tuple(sorted(warnings)),
    )


NO_STUDENT = "none"
TableKey = tuple[Data, str | None, str]
Groups = dict[TableKey, list[Entry]]


def _group(entries: list[Entry]) -> tuple[Groups, list[str]]:
    """Records by comparison, shared rows joined to each of theirs; warnings for records that fit nowhere."""
    groups: Groups = {}
    warnings = set()
    for stage in range(4):
        tables = list(groups)
        for entry in entries:
            record = entry[0]
            if _stage(record) != stage:
                continue
            homes = [key for key in tables if _joins(record, key)]
            if not homes and role_of(record.cell.method) in RANKED:
                homes = [(Data.of(record), record.cell.teacher, record.cell.student)]
            for key in homes:
                groups.setdefault(key, []).append(entry)
            if not homes and record.kind == "report":
                warnings.add(f"{record.cell.dataset}: the {record.cell.method} row has no students beside it")
    return groups, sorted(warnings)


def _stage(record: Record) -> int:
    """Tables are opened by the most particular rows first, so that the others find them."""
    if role_of(record.cell.method) not in RANKED:
        return 3
    return 0 if record.cell.teacher is not None else 1 if record.cell.student != NO_STUDENT else 2


def _joins(record: Record, table: TableKey) -> bool:
    """Whether a record without a teacher, or without a student, belongs to a table that has one."""
    data, teacher, student = table
    if data != Data.of(record):
        return False
    if role_of(record.cell.method) == "teacher":
        return record.cell.student == teacher
    if record.cell.student == NO_STUDENT:
        return True
    return record.cell.teacher is None and record.cell.student == student


def _rows(members: list[Entry]) -> tuple[Row, ...]:
    grouped: dict[RowKey, list[Entry]] = {}
    for record, place in members:
        key = RowKey(record.cell.method, record.cell.variant, fixed=record.search is None)
        grouped.setdefault(key, []).append((record, place))
    rows = [make_row(key, each) for key, each in grouped.items() if any(r.kind != "speed" for r, _ in each)]
    expected: set[Replicate] = set()
    for row in rows:
        if row.role in RANKED:
            for result in row.results.values():
                expected |= result.test.keys() | result.failed.keys()
    return tuple(sorted((_judged(row, expected) for row in rows), key=_row_order))


def _judged(row: Row, expected: set[Replicate]) -> Row:
    """The row with what it lacks of its peers' report seeds; teacher and majority need only their own."""
    own = row.test.keys() | (row.headline.failed.keys() if row.headline else set())
    wanted = expected if row.role in RANKED else own
    return replace(row, expected=len(wanted), missing=frozenset(wanted - row.test.keys()))


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
