"""What the rows of one table must share to be ranked beside each other: report seeds, budget, a search.

A track of a `board.yaml` says what that is. Without one the stores do: each store has a voice, that of most of its
rows, so that no store outvotes another by bringing many rows; of equally many voices the earliest store's counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from graph_distillery.leaderboard.read.board_file import Track
from graph_distillery.leaderboard.read.rows import RANKED, Row
from graph_distillery.leaderboard.read.runs import Replicate
from graph_distillery.leaderboard.text import ranges

Choice = TypeVar("Choice", bound=Hashable)

_BUDGET = re.compile(r"(\d+) trials x (\d+) seeds")

#: Variants of before records said so of themselves that choose an epoch or a configuration by test labels.
TEST_SELECTED = {("oad", "official_code")}


def in_track(rows: Sequence[Row], track: Track | None = None) -> list[Row]:
    """The rows with what each lacks of the table's report seeds, without what other stores have beyond them, and with
    what sets a row apart.

    track: what a board's file says of the table; then every row goes by its seeds, its budget and its tuning seeds.
    """
    if track is not None:
        return _in_declared(rows, track)
    ranked = [row for row in rows if row.role in RANKED and row.headline]
    seeds, theirs = _voted(ranked, _seeds, lambda seeds: (len(seeds or ()), sorted(seeds or ())))
    tuned = [row for row in ranked if row.headline and row.headline.selection == "tuned"]
    budget, _ = _voted(tuned, _budget, lambda budget: (budget or (0, 0),))
    cut = [_without_extra(row, seeds or frozenset(), theirs) for row in rows]
    return [_judged(row, seeds or frozenset(), budget, bool(tuned)) for row in cut]


def _in_declared(rows: Sequence[Row], track: Track) -> list[Row]:
    wanted = _replicates([row for row in rows if row.role in RANKED], track)
    tuning = frozenset(track.search.seeds) if track.search else None
    found = []
    for row in rows:
        cut = _without_extra(row, wanted, set())
        judged = _judged(cut, wanted, track.budget, tuning is not None)
        strange = row.tuning.seeds - tuning if tuning else frozenset()
        tuned = row.headline is not None and row.headline.selection == "tuned"
        if strange and not judged.apart and row.role in RANKED:
            text = f"tuned on seeds {ranges(sorted(strange))}, where its track has {ranges(sorted(tuning or ()))}"
            judged = replace(judged, apart=text)
        elif tuning is None and tuned and not judged.apart:
            judged = replace(judged, apart="tuned, where its track compares fixed configurations")
        found.append(judged)
    return found


def _replicates(rows: Sequence[Row], track: Track) -> frozenset[Replicate]:
    """The runs that a row of the track must have: each of its seeds, on the split that most rows ran it on."""
    ran: dict[int, Counter[Replicate]] = {seed: Counter() for seed in track.report.seeds}
    for row in rows:
        for replicate in _seeds(row):
            if replicate[1] in ran:
                ran[replicate[1]][replicate] += 1
    return frozenset(
        max(count, key=lambda each: (count[each], each)) if count else (seed, seed) for seed, count in ran.items()
    )


def _seeds(row: Row) -> frozenset[Replicate]:
    head = row.headline
    return frozenset(head.test.keys() | head.failed.keys()) if head else frozenset()


def _budget(row: Row) -> tuple[int, int] | None:
    """Trials and tuning seeds, of several the largest."""
    found = [_BUDGET.fullmatch(text) for text in (row.headline.budgets if row.headline else ())]
    return max(((int(each[1]), int(each[2])) for each in found if each), default=None)


def _voted(
    rows: Iterable[Row], of: Callable[[Row], Choice], size: Callable[[Choice], Any]
) -> tuple[Choice | None, set[str]]:
    """What most stores have, each by most of its rows, and these stores; None without rows."""
    stores: dict[str, Counter[Choice]] = {}
    since: dict[str, str] = {}
    for row in rows:
        for store, created in _stores(row).items():
            stores.setdefault(store, Counter())[of(row)] += 1
            since[store] = min(created, since.get(store, created))
    voices = {store: max(count, key=lambda each: (count[each], size(each))) for store, count in stores.items()}
    votes = Counter(voices.values())
    most = max(votes.values(), default=0)
    first = min((store for store in voices if votes[voices[store]] == most), key=lambda s: (since[s], s), default=None)
    if first is None:
        return None, set()
    return voices[first], {store for store, voice in voices.items() if voice == voices[first]}


def _stores(row: Row) -> dict[str, str]:
    """The stores of a row's runs, and when each made its first."""
    found: dict[str, str] = {}
    for source in row.headline.sources if row.headline else ():
        found[source.store_id] = min(source.created, found.get(source.store_id, source.created))
    return found


def _without_extra(row: Row, seeds: frozenset[Replicate], theirs: set[str]) -> Row:
    """The row less the seeds beyond its table's, unless it is of a store that has these: a store's own seeds may differ
    while its sweep is under way.

    theirs: the stores whose seeds the table's are; none where a board's file has them, which goes for every row."""
    own = _seeds(row)
    beyond = own > seeds if theirs else bool(own - seeds)
    if row.role not in RANKED or not beyond or (theirs and _stores(row).keys() <= theirs):
        return row
    results = {name: result.only(seeds) for name, result in row.results.items()}
    return replace(row, results=results, extra=len(own - seeds))


def _judged(row: Row, seeds: frozenset[Replicate], budget: tuple[int, int] | None, tuned: bool) -> Row:
    """tuned: whether a peer shows its tuned configuration. Of a sweep under way, defaults are reported before winners.

    Teacher and majority need only their own seeds.
    """
    own = _seeds(row)
    head = row.headline
    wanted = seeds if row.role in RANKED else own
    untuned = tuned and row.role in RANKED and head is not None and head.selection == "default" and bool(head.trials)
    missing = frozenset(wanted - row.test.keys())
    return replace(row, expected=len(wanted), missing=missing, untuned=untuned, apart=_apart(row, budget, tuned))


def _apart(row: Row, budget: tuple[int, int] | None, tuned: bool) -> str:
    head = row.headline
    if row.role not in RANKED or head is None:
        return ""
    if head.test_selected or (row.key.method, row.key.variant) in TEST_SELECTED:
        return "chosen by test labels"
    if head.trains_on_validation:
        return "trained on validation labels"
    if tuned and head.selection == "fixed":
        return "a fixed configuration, which no search stands behind"
    own = _budget(row)
    if budget and own and head.selection == "tuned" and (own[0] > budget[0] or own[1] != budget[1]):
        return f"{own[0]} trials x {own[1]} seeds, where its table has {budget[0]} x {budget[1]}"
    return ""
