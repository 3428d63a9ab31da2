"""What a method gains on the tables of a board: over the student alone, by tuning, by its own term."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from graph_distillery.leaderboard.read.rows import RANKED, Row, RowKey
from graph_distillery.leaderboard.read.runs import Replicate
from graph_distillery.leaderboard.statistics import PairedTest, holm, mean, paired_test
from graph_distillery.leaderboard.statistics.paired import choose_test
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.comparison import Comparison


@dataclass(frozen=True)
class Gains:
    """Paired differences of one method, one of each table: the tables' titles and the tests."""

    tests: tuple[tuple[Comparison, PairedTest], ...]

    @cached_property
    def mean(self) -> float:
        return mean([test.difference for _, test in self.tests])

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest."""
        found = [test.difference for _, test in self.tests]
        return min(found), max(found)

    @cached_property
    def clear(self) -> tuple[int, int]:
        """On how many tables it is clearly above zero, and clearly below."""
        clear = [test.difference for _, test in self.tests if test.significant and test.difference]
        return sum(each > 0 for each in clear), sum(each < 0 for each in clear)


@dataclass(frozen=True)
class MethodGains:
    """A method's gains over all tables in which it has a complete row; None where it was not measured."""

    key: RowKey
    alone: Gains | None
    tuning: Gains | None
    own_term: Gains | None


def method_gains(board: Board) -> list[MethodGains]:
    """Every method of the board, the largest mean gain over the student alone first; the student alone ends it.

    A row that stands in several tables with the same runs counts in the first of them.
    """
    alone, tuning, own = _Gathered(), _Gathered(), _Gathered()
    for table in board.comparisons:
        rows = ranked(table)
        tuned = tuning_tests(table, rows)
        for row in rows:
            runs = same_runs(row)
            alone.add(table, row.key, (runs, table.student), table.against_student(row))
            tuning.add(table, row.key, runs, tuned.get(row.key))
            own.add(table, row.key, runs, table.own_term(row))
    keys = sorted({*alone.tests, *tuning.tests, *own.tests})
    found = [MethodGains(key, *(each.gains(key) for each in (alone, tuning, own))) for key in keys]
    return sorted(found, key=lambda each: (each.alone is None, -(each.alone.mean if each.alone else 0.0), each.key))


def same_runs(row: Row) -> frozenset[str]:
    """The report records of a row. A row that has no teacher stands in the tables of every teacher with the same ones,
    one that has no student in those of every student, and tracks may share tables."""
    return frozenset(source.record_id for result in row.results.values() for source in result.sources)


def ranked(table: Comparison) -> list[Row]:
    """The complete rows of students, in the table's order."""
    return [row for row in table.rows if row.role in RANKED and row.complete]


def tuning_tests(table: Comparison, rows: Sequence[Row]) -> Mapping[RowKey, PairedTest | None]:
    """By row, tuned less default on the same report seeds, p adjusted by Holm over the table's rows; a row whose
    default won is worth 0, and a row that has not run both is left out."""
    pairs = {row.key: row.results for row in rows if {"tuned", "default"} <= row.results.keys()}
    found = {}
    for key, results in pairs.items():
        found[key] = compared(table, results["tuned"].test, results["default"].test, len(pairs))
    return adjusted(found)


def compared(
    table: Comparison, ours: Mapping[Replicate, float], theirs: Mapping[Replicate, float], together: int = 1
) -> PairedTest | None:
    """Ours less theirs on the seeds of both, by the table's own test; together: how many such are read at once."""
    shared = [seed for seed in ours if seed in theirs]
    chosen = choose_test(table.sampling.samples(shared), together, table.sampling) if shared else None
    return paired_test(ours, theirs, chosen, sampling=table.sampling)


def adjusted(tests: Mapping[RowKey, PairedTest | None]) -> dict[RowKey, PairedTest | None]:
    """The same tests with p adjusted by Holm over all of them."""
    told = [(key, test.p) for key, test in tests.items() if test is not None and test.p is not None]
    p_holm = dict(zip((key for key, _ in told), holm([p for _, p in told]), strict=True))
    return {key: test and replace(test, p_holm=p_holm.get(key)) for key, test in tests.items()}


class _Gathered:
    """Tests by row, each of runs that no other one there is of."""

    def __init__(self) -> None:
        self.tests: dict[RowKey, list[tuple[Comparison, PairedTest]]] = {}
        self.seen: set[Hashable] = set()

    def add(self, table: Comparison, key: RowKey, runs: Hashable, test: PairedTest | None) -> None:
        """Unless there is no test, or one of the same runs was added before."""
        if test is not None and runs not in self.seen:
            self.seen.add(runs)
            self.tests.setdefault(key, []).append((table, test))

    def gains(self, key: RowKey) -> Gains | None:
        return Gains(tuple(self.tests[key])) if key in self.tests else None
