"""Whether scores can be what they say: whole numbers of items, apart from validation, in keeping with the table."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence

from graph_distillery.bench.records import Record
from graph_distillery.leaderboard.submission.findings import CellRecords, Finding

#: Up to so many students may share a score: it is then often a whole number of parts of an item.
MOST_STUDENTS, OFTEN = 8, 0.2
_WHOLE = 1e-6
#: How far a row's test score less its validation score may be from the table's usual, as a fraction, and in spreads.
FAR, SPREADS, FEWEST_ROWS = 0.04, 6.0, 5


def check_scores(cells: Sequence[CellRecords]) -> Iterator[Finding]:
    """Findings on accuracies that no count of items gives, and on validation scores that do not belong to the tests."""
    for cell in cells:
        yield from _fractions(cell)
        yield from _twins(cell)
    yield from _out_of_keeping(cells)


def _fractions(cell: CellRecords) -> Iterator[Finding]:
    """An accuracy is a whole number of items over their number; where students are several, of the parts of one.

    Those of a row with several students are often no whole number, in one part or the other. How many students they
    are may be a hyperparameter: it is the same in all runs of one configuration.
    """
    runs = (*cell.reports, *cell.trials)
    alike: dict[tuple[str, str], list[tuple[int, float, int]]] = {}
    for part in ("test", "val"):
        for record in runs:
            if one := _counted(record, part):
                alike.setdefault((part, json.dumps(record.hparams, sort_keys=True)), []).append(one)
    broken = [(part, seed, score) for (part, _), of in alike.items() for seed, score, n in of if not _whole(score * n)]
    often = len(broken) >= OFTEN * sum(map(len, alike.values()))
    if often and all(any(_all_whole(of, n) for n in range(1, MOST_STUDENTS + 1)) for of in alike.values()):
        return  # means of several students
    for part in dict.fromkeys(part for part, _, _ in broken):
        found = [(seed, score) for of, seed, score in broken if of == part]
        seed, score = found[0]
        text = f"{part} accuracy {score:.6g} of seed {seed} is no whole number of items, as are {len(found)} such"
        yield Finding("refuse", "scores", cell.name, text)


def _all_whole(scored: Sequence[tuple[int, float, int]], students: int) -> bool:
    return all(_whole(score * items * students) for _, score, items in scored)


def _counted(record: Record, part: str) -> tuple[int, float, int] | None:
    """Seed, score and number of items of a run whose score counts items."""
    items, scores = record.cell.items, record.metrics.test if part == "test" else record.metrics.val
    if items is None or record.status != "ok" or record.cell.metric != "accuracy" or not scores:
        return None
    return record.seed, scores["accuracy"], items.test if part == "test" else items.val


def _whole(value: float) -> bool:
    return abs(value - round(value)) < _WHOLE * max(1.0, value)


def _twins(cell: CellRecords) -> Iterator[Finding]:
    """Two parts of a split do not give the same score, seed for seed, unless it is the least or the greatest that there
    is: no pair of a constant answer is ranked above 20 others in any part."""
    for selection in cell.selections:
        runs = [r for r in cell.scored(selection) if r.metrics.test]
        pairs = [((r.metrics.test or {})[r.cell.metric], r.metrics.val.get(r.cell.metric)) for r in runs]
        same = [test for test, val in pairs if test == val and 0 < test < 1]
        if len(same) > 2 and 2 * len(same) > len(runs):
            text = f"{len(same)} of {len(runs)} seeds ({selection}) have the same validation and test score"
            yield Finding("refuse", "scores", cell.name, text)


def _out_of_keeping(cells: Sequence[CellRecords]) -> Iterator[Finding]:
    """Rows of a table share its splits, and so how much harder the test part is than the validation part."""
    tables: dict[tuple[str, str, str], dict[str, float]] = {}
    for cell in cells:
        if cell.method == "majority" or not cell.reports:
            continue
        c = cell.reports[0].cell
        for selection in cell.selections:
            runs = [r for r in cell.scored(selection) if r.metrics.test]
            if runs:
                gap = statistics.fmean((r.metrics.test or {})[c.metric] - r.metrics.val[c.metric] for r in runs)
                tables.setdefault((c.dataset, c.split, c.setting), {})[f"{cell.name}\0{selection}"] = gap
    for gaps in tables.values():
        yield from _far(gaps)


def _far(gaps: Mapping[str, float]) -> Iterator[Finding]:
    if len(gaps) < FEWEST_ROWS:
        return
    middle = statistics.median(gaps.values())
    spread = 1.4826 * statistics.median(abs(gap - middle) for gap in gaps.values())
    for name, gap in sorted(gaps.items()):
        if abs(gap - middle) > max(FAR, SPREADS * spread):
            row, _, selection = name.partition("\0")
            text = (
                f"test less validation is {100 * gap:+.1f} points ({selection}), where the table's rows have "
                f"{100 * middle:+.1f}"
            )
            yield Finding("look", "scores", row, text)
