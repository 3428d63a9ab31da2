"""What a store says beside the stores of the board that it would join: its data, seeds, budget, baselines, machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from graph_distillery.bench.records import Record
from graph_distillery.leaderboard.read.runs import score_of_test
from graph_distillery.leaderboard.statistics import mean, same_mean
from graph_distillery.leaderboard.submission.findings import Finding, place_of

#: A student alone may be that much below the board's, as a fraction, before it makes gains look large.
MOST_BELOW_ALONE = 0.01
#: The same network on the same machine is not that many times faster than the board's.
MOST_FASTER = 3.0


def check_beside(own: Sequence[Record], others: Sequence[Record]) -> Iterator[Finding]:
    """Everything that a board's records can be held against; none where the two share no table."""
    yield from _data(own, others)
    yield from _same(own, others, "report", "seeds", _seeds, "report seeds")
    yield from _same(own, others, "trial", "seeds", _seeds, "tuning seeds")
    yield from _splits(own, others)
    yield from _budgets(own, others)
    yield from _older(own, others)
    yield from _alone(own, others)
    yield from _latencies(own, others)


def _table(record: Record) -> tuple[str, str, str]:
    c = record.cell
    return c.dataset, c.split, c.setting


def _name(table: tuple[str, str, str]) -> str:
    return f"{table[0]}/{table[1]}, {table[2]}"


def _data(own: Sequence[Record], others: Sequence[Record]) -> Iterator[Finding]:
    known: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for record in others:
        c = record.cell
        known.setdefault((c.dataset, c.setting), set()).add((c.dataset_sha256, c.node_order_sha256))
    strange = {
        (c.dataset, c.setting)
        for c in (record.cell for record in own)
        if (c.dataset, c.setting) in known
        and (c.dataset_sha256, c.node_order_sha256) not in known[c.dataset, c.setting]
    }
    for dataset, setting in sorted(strange):
        yield Finding("refuse", "data", f"{dataset}, {setting}", "not the board's data: its hash differs")


def _seeds(records: Sequence[Record]) -> Hashable:
    return tuple(sorted({record.seed for record in records}))


def _same(
    own: Sequence[Record],
    others: Sequence[Record],
    kind: str,
    check: str,
    of: Callable[[Sequence[Record]], Any],
    what: str,
) -> Iterator[Finding]:
    """Rows of a table must have what most of the board's rows have."""

    def found(records: Sequence[Record]) -> dict[tuple[str, str, str], dict[str, Any]]:
        rows: dict[tuple[str, str, str], dict[str, list[Record]]] = {}
        for record in records:
            if record.kind == kind and record.search is not None and record.search.trials:
                rows.setdefault(_table(record), {}).setdefault(place_of(record), []).append(record)
        return {table: {name: of(each) for name, each in cells.items()} for table, cells in rows.items()}

    board = found(others)
    for table, cells in found(own).items():
        if table not in board:
            continue
        counts = Counter(board[table].values())
        usual = max(counts, key=lambda each: (counts[each], len(each), each))
        for name, value in sorted(cells.items()):
            if value != usual:
                text = f"{what} {_listed(value)}, where the board has {_listed(usual)}"
                yield Finding("refuse", check, name, text)


def _splits(own: Sequence[Record], others: Sequence[Record]) -> Iterator[Finding]:
    """A report seed runs on the split that it has on the board: no store chooses the splits that suit it."""
    known: dict[tuple[object, ...], set[int]] = {}
    for record in others:
        if record.kind == "report":
            known.setdefault((_table(record), record.seed), set()).add(record.cell.split_seed)
    told: set[str] = set()
    for record in own:
        theirs = known.get((_table(record), record.seed))
        if record.kind != "report" or theirs is None or place_of(record) in told:
            continue
        if record.cell.split_seed not in theirs:
            told.add(place_of(record))
            text = (
                f"seed {record.seed} on split {record.cell.split_seed}, where the board has {_listed(sorted(theirs))}"
            )
            yield Finding("refuse", "split", place_of(record), text)


def _listed(seeds: Sequence[int]) -> str:
    from graph_distillery.leaderboard.text import ranges

    return ranges(list(seeds)) or "none"


def _budgets(own: Sequence[Record], others: Sequence[Record]) -> Iterator[Finding]:
    known: dict[tuple[str, ...], set[str]] = {}
    for record in others:
        if record.kind == "report" and record.search is not None and record.search.trials:
            known.setdefault((*_table(record), record.cell.student), set()).add(record.search.budget)
    told: set[tuple[object, ...]] = set()
    for record in own:
        if record.kind != "report" or record.search is None or not record.search.trials:
            continue
        table, budget = (*_table(record), record.cell.student), record.search.budget
        if table in known and budget not in known[table] and (place_of(record), budget) not in told:
            told.add((place_of(record), budget))
            text = f"{budget}, where the board has {', '.join(sorted(known[table]))}"
            yield Finding("refuse", "budget", place_of(record), text)


def _older(own: Sequence[Record], others: Sequence[Record]) -> Iterator[Finding]:
    """A row belongs to the store that brought it first: no other store's runs of it can be older."""
    first: dict[tuple[object, ...], Record] = {}
    for record in others:
        if record.kind == "report":
            key = (_table(record), place_of(record))
            first[key] = min(first.get(key, record), record, key=lambda each: each.created)
    told: set[object] = set()
    for record in own:
        known = first.get((_table(record), place_of(record)))
        if record.kind != "report" or known is None or record.store_id == known.store_id or place_of(record) in told:
            continue
        if record.created < known.created:
            told.add(place_of(record))
            text = f"a run of {record.created[:10]} says that it is older than the board's of {known.created[:10]}"
            yield Finding("refuse", "times", place_of(record), text)


def _alone(own: Sequence[Record], others: Sequence[Record]) -> Iterator[Finding]:
    """The student alone is what gains are measured against."""
    board, ours = _tuned_scores(others), _tuned_scores(own)
    for key, scores in sorted(ours.items()):
        theirs = board.get(key)
        if theirs is None or mean(theirs) - mean(scores) < MOST_BELOW_ALONE:
            continue
        if same_mean(scores, theirs) is not True:
            text = f"{100 * mean(scores):.2f} %, where the board's student alone has {100 * mean(theirs):.2f} %"
            yield Finding("refuse", "student alone", f"{key[0]}/{key[1]} {key[3]} supervised", text)


def _tuned_scores(records: Sequence[Record]) -> dict[tuple[str, ...], list[float]]:
    found: dict[tuple[str, ...], list[float]] = {}
    for record in records:
        c, test = record.cell, record.metrics.test
        tuned = record.search is not None and record.search.selection in ("tuned", "both")
        if c.method == "supervised" and record.kind == "report" and test and tuned:
            found.setdefault((*_table(record), c.student), []).append(score_of_test(c.method, c.metric, test))
    return found


def _latencies(own: Sequence[Record], others: Sequence[Record]) -> Iterator[Finding]:
    """The same network on the same machine takes the same time; its size tells the network."""
    known: dict[tuple[object, ...], list[float]] = {}
    for record in others:
        if record.speed:
            known.setdefault(_network(record), []).append(record.speed.full_forward_ms.p50)
    told: set[str] = set()
    for record in own:
        theirs = known.get(_network(record)) if record.speed else None
        if not theirs or record.speed is None or place_of(record) in told:
            continue
        ours, least = record.speed.full_forward_ms.p50, min(theirs)
        if ours * MOST_FASTER < least:
            told.add(place_of(record))
            text = f"{ours:g} ms, where a network of that size takes {least:g} ms on the same machine"
            yield Finding("refuse", "speed", place_of(record), text)


def _network(record: Record) -> tuple[object, ...]:
    speed = record.speed
    size = (speed.params, speed.macs) if speed else ()
    return (*_table(record), record.cell.student, record.environment.fingerprint, *size)
