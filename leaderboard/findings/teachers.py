"""What a better teacher is worth: tables that differ in the teacher alone, method by method."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from graph_distillery.leaderboard.findings.gains import Gains, adjusted, compared, ranked
from graph_distillery.leaderboard.read.rows import Row, RowKey
from graph_distillery.leaderboard.statistics import PairedTest
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.comparison import Comparison


@dataclass(frozen=True)
class TeacherSwap:
    """Two teachers of one student on the same data, the better of them second.

    ``teachers``: second less first, on the report seeds of both; ``methods``: of every method that learned from both,
    the row with the second less the row with the first, p adjusted by Holm over them.
    """

    one: Comparison
    other: Comparison
    teachers: PairedTest
    methods: Gains


def teacher_swaps(board: Board) -> list[TeacherSwap]:
    """In the board's order; teachers that have no row of their own, as several at once, take no part."""
    found = (_swap(*pair) for pair in itertools.combinations(board.comparisons, 2) if _alike(*pair))
    return [swap for swap in found if swap is not None]


def _alike(one: Comparison, other: Comparison) -> bool:
    taught = one.teacher is not None and other.teacher is not None and one.teacher != other.teacher
    return taught and (one.data, one.student) == (other.data, other.student)


def _swap(one: Comparison, other: Comparison) -> TeacherSwap | None:
    first, second = (table.control("teacher") for table in (one, other))
    if first is None or second is None or {first.key.variant, second.key.variant} != {"paper"}:
        return None
    teachers = compared(one, second.test, first.test)
    if teachers is None:
        return None
    if teachers.difference < 0:
        return _swap(other, one)
    pairs = dict(_pairs(one, other))
    tests = adjusted({key: compared(one, second.test, first.test) for key, (first, second) in pairs.items()})
    known = tuple((one, test) for test in tests.values() if test is not None)
    return TeacherSwap(one, other, teachers, Gains(known)) if known else None


def _pairs(one: Comparison, other: Comparison) -> Iterator[tuple[RowKey, tuple[Row, Row]]]:
    """Rows of one method and one kind of configuration; what has no teacher is the same row in both tables."""
    again = {row.key: row for row in ranked(other) if row.role == "method" and row.teacher_ids}
    for row in ranked(one):
        if row.teacher_ids and row.key in again:
            yield row.key, (row, again[row.key])
