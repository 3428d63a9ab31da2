"""`FINDINGS.md`: a page of sentences and three tables, written from a board without knowing any name."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from graph_distillery.bench.records import Record
from graph_distillery.bench.records.collapse import collapse_in
from graph_distillery.leaderboard.findings.gains import Gains, MethodGains, method_gains, ranked
from graph_distillery.leaderboard.findings.latency import latency_table
from graph_distillery.leaderboard.findings.published import PublishedGain, published_gains
from graph_distillery.leaderboard.findings.teachers import TeacherSwap, teacher_swaps
from graph_distillery.leaderboard.read.board_file import BoardFile
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.comparison import Comparison
from graph_distillery.leaderboard.text import NONE, count, difference, number, plain, signed, table

_INTRODUCTION = """\
Written by `distillery leaderboard` from the records of this board alone; [the board](README.md) tells how each test
works. Differences are in points, paired over report seeds, with 95 % intervals. *Clear*: p at most 5 %, adjusted by
Holm over what is told together."""


def findings(board: Board, records: Sequence[Record]) -> str:
    """The page. records: those that the board was made from."""
    methods = method_gains(board)
    parts = [
        "# Findings",
        _INTRODUCTION,
        cost(records, board.file),
        "## What leads, and under which latency",
        *_leads(board),
        "## What each method is worth",
        *_worth(board, methods),
        "## Published gains under one budget",
        *_published(published_gains(board)),
        "## What the teacher is worth",
        *_teachers(teacher_swaps(board)),
        "## Where the student alone is enough",
        *_alone(board),
    ]
    return "\n\n".join(parts) + "\n"


def cost(records: Sequence[Record], file: BoardFile | None = None) -> str:
    """What all of it took, and what went wrong: a sentence of counts; and what is told to be no longer among it."""
    runs = [record for record in records if record.kind in ("trial", "report", "teacher")]
    hours = sum(record.timings.train_s or 0.0 for record in runs) / 3600
    kinds = {kind: sum(record.kind == kind for record in runs) for kind in ("teacher", "trial", "report")}
    bad = sum(record.status not in ("ok", "pruned") for record in runs)
    collapsed = sum(collapse_in(record) is not None for record in runs if record.kind == "report")
    said = ", ".join(f"{number_of} of kind {kind}" for kind, number_of in kinds.items())
    return (
        f"{len(runs)} trainings ({said}), {number(hours)} core-hours of training; {bad} failed, and {collapsed} "
        f"report runs collapsed (one class predicted, or no better than the largest). {_taken_out(file)}"
    )


def _taken_out(file: BoardFile | None) -> str:
    told = [f"of {each.path or each.id} {each.taken_out}" for each in (file.stores if file else ()) if each.taken_out]
    return f"Taken out by hand: {'; '.join(told)}." if told else "No run is told to have been taken out by hand."


def _leads(board: Board) -> Iterator[str]:
    found = [each for each in board.comparisons if len(each.standings) > 1]
    clear = [each for each in found if any(row.verdict == "best" for row in each.standings.values())]
    yield (
        f"In {len(clear)} of {len(found)} tables one row is clearly better than all others; in the rest several are "
        "tied for best, and their order says nothing."
    )
    if found:
        yield table(["table", "highest mean", "%", "tied with it", "rows", "test"], [_lead(each) for each in found], 2)
    yield from latency_table(board)


def _lead(comparison: Comparison) -> list[str]:
    standings = comparison.standings
    leader = next(key for key, each in standings.items() if each.leader)
    tied = sum(each.tied for key, each in standings.items() if key != leader)
    row = next(row for row in comparison.rows if row.key == leader)
    assert row.summary is not None
    test = standings[leader].test or "too few seeds"
    score = f"{100 * row.summary.mean:.2f}"
    return [plain(comparison.title), plain(leader.name), score, str(tied), str(len(standings)), test.replace("_", " ")]


def _worth(board: Board, methods: Sequence[MethodGains]) -> Iterator[str]:
    told = [each for each in methods if each.alone]
    if told:
        better, worse = ([each for each in told if each.alone and each.alone.clear[side]] for side in (0, 1))
        yield (
            f"Of {len(told)} methods {len(better)} are clearly above the student alone on some table, and "
            f"{len(worse)} clearly below it on some."
        )
    for what, gains in (
        ("Tuning", [each.tuning for each in methods if each.tuning]),
        ("The own term, at the locked configuration,", [each.own_term for each in methods if each.own_term]),
    ):
        if gains:
            yield _summed(what, gains)
    header = ["method", "tables", "gain over the student alone", "clear", "tuning", "clear", "own term", "clear"]
    if methods:
        yield "Means over tables, the smallest and the largest, and on how many it is clear (+ above, - below):"
        yield table(header, [_line(each) for each in methods])


def _summed(what: str, gains: Sequence[Gains]) -> str:
    tests = [test for each in gains for _, test in each.tests]
    above, below = (sum(each.clear[side] for each in gains) for side in (0, 1))
    values = sorted(test.difference for test in tests)
    return (
        f"{what} is worth {signed(statistics.median(values))} points in the median of {len(tests)} rows "
        f"({signed(values[0])} to {signed(values[-1])}): clearly more than nothing in {above}, "
        f"clearly less in {below}, nothing measurable in {len(tests) - above - below}."
    )


def _line(each: MethodGains) -> list[str]:
    tables = max(len(gains.tests) for gains in (each.alone, each.tuning, each.own_term) if gains)
    cells = [part for gains in (each.alone, each.tuning, each.own_term) for part in _cells(gains)]
    return [plain(each.key.name), str(tables), *cells]


def _cells(gains: Gains | None) -> tuple[str, str]:
    if gains is None:
        return NONE, NONE
    low, high = gains.ends
    spread = f" ({signed(low)} to {signed(high)})" if len(gains.tests) > 1 else ""
    above, below = gains.clear
    marks = ", ".join(mark for mark in (f"+{above}" * bool(above), f"-{below}" * bool(below)) if mark)
    return f"{signed(gains.mean)}{spread}", f"{marks or '0'} of {len(gains.tests)}"


def _published(gains: Sequence[PublishedGain]) -> Iterator[str]:
    if not gains:
        yield "No row of this board has a published gain beside it."
        return
    counts = {verdict: sum(each.verdict == verdict for each in gains) for verdict in sorted({e.verdict for e in gains})}
    said = "; ".join(f"{verdict}: {number_of}" for verdict, number_of in counts.items())
    yield (
        f"Of the gains that papers print {len(gains)} have both of their rows here, on other splits and with both rows "
        f"tuned under one budget. {said[:1].upper()}{said[1:]}. A gain holds where it is clear and its interval "
        "reaches the printed one."
    )
    header = ["method over", "table", "printed", "here", "verdict"]
    yield table(
        header,
        [
            [
                f"{plain(each.method)} over {plain(each.over)}", plain(each.table.title),
                f"{signed(each.gain)} ({each.source})", difference(each.test, 0), each.verdict,
            ]
            for each in gains
        ],
        2,
    )  # fmt: skip


def _teachers(swaps: Sequence[TeacherSwap]) -> Iterator[str]:
    if not swaps:
        yield "No two tables differ in the teacher alone."
    for swap in swaps:
        above, below = swap.methods.clear
        low, high = swap.methods.ends
        yield (
            f"{plain(swap.other.title)}: {plain(swap.other.teacher or '')} instead of {plain(swap.one.teacher or '')} "
            f"is {difference(swap.teachers, 0)} as a teacher, and {signed(swap.methods.mean)} in the mean of "
            f"{count(len(swap.methods.tests))} rows that learned from both ({signed(low)} to {signed(high)}; clearly "
            f"more in {above}, clearly less in {below})."
        )


def _alone(board: Board) -> Iterator[str]:
    told = []
    for each in board.comparisons:
        tests = {row.key: each.against_student(row) for row in ranked(each) if row.role == "method"}
        known = {key: test for key, test in tests.items() if test is not None}
        if known and not any(test.significant and test.difference > 0 for test in known.values()):
            best = max(known, key=lambda key: (known[key].difference, key))
            told.append(
                f"- {plain(each.title)}: none of {count(len(known))} methods is clearly above it; the largest gain is "
                f"that of {plain(best.name)}, {difference(known[best], each.margin)}."
            )
    measured = sum(any(each.against_student(row) for row in ranked(each)) for each in board.comparisons)
    yield f"In {len(told)} of {measured} tables no method is clearly above the student alone."
    if told:
        yield "\n".join(told)
