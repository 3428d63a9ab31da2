"""Whose a row is where a board's file names who sent each store.

A row belongs to the store that brought it, and the order of the file decides, not the times that records tell. The same
configuration on another machine is evidence beside it; another configuration of the same method is another row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from graph_distillery.leaderboard.read.rows import RANKED, Repeat, Row, RowKey, agrees, make_row, role_of
from graph_distillery.leaderboard.read.runs import Placed


def make_submissions(key: RowKey, records: Sequence[Placed], senders: Mapping[str, str]) -> tuple[list[Row], list[str]]:
    """The rows of one method, one of each sender that brought a configuration of its own, and a line on what is none.

    senders: by store id, in the order of the board's file. Teacher and majority class have one row, the first's.
    """
    order = list(dict.fromkeys(senders.values()))
    by: dict[str, list[Placed]] = {}
    for each in records:
        by.setdefault(senders.get(each[0].store_id, ""), []).append(each)
    rows: list[Row] = []
    notes = []
    for sender in sorted(by, key=lambda name: order.index(name) if name in order else len(order)):
        row = make_row(replace(key, sender=sender), by[sender])
        row = replace(row, order=order.index(sender) if sender in order else len(order))
        place = _home(rows, row)
        if place is None:
            rows.append(row)
        elif row.headline is None:
            notes.append(f"{key.name}: {sender} brought no finished report run of it")
        else:
            rows[place], told = _beside(rows[place], row)
            notes += [f"{key.name}: {sender} {told}"] if told else []
    return rows, notes


def _home(rows: Sequence[Row], row: Row) -> int | None:
    """The number of the row that this one repeats; None where it is one of its own."""
    if rows and (role_of(row.key.method) not in RANKED or row.headline is None):
        return 0
    for place, other in enumerate(rows):
        if other.headline and row.headline and other.headline.hparams == row.headline.hparams:
            return place
    return None


def _beside(home: Row, again: Row) -> tuple[Row, str]:
    """The row with another sender's runs of its configuration as evidence, from machines that it has none from."""
    head, other = home.headline, again.headline
    if head is None or other is None:
        return home, ""
    known = {*head.fingerprints, *(repeat.fingerprint for repeat in home.repeats)}
    if known & set(other.fingerprints):
        return home, "ran the row's configuration on a machine that it has already, which proves nothing"
    stores = tuple(sorted({source.store_id for source in other.sources}))
    repeat = Repeat(other.fingerprints[0], stores, other, agrees(head, other))
    more = [each for each in again.repeats if each.fingerprint not in known]
    speed = {**again.speed, **home.speed}
    return replace(home, repeats=(*home.repeats, repeat, *more), speed=dict(sorted(speed.items()))), ""


def named_where_several(tables: Sequence[Sequence[Row]]) -> list[list[Row]]:
    """The rows of all tables, with their senders in the names of those methods alone that several sent."""
    sent: dict[RowKey, set[str]] = {}
    for rows in tables:
        for row in rows:
            sent.setdefault(replace(row.key, sender=""), set()).add(row.key.sender)
    return [[row if len(sent[replace(row.key, sender="")]) > 1 else _unnamed(row) for row in rows] for rows in tables]


def _unnamed(row: Row) -> Row:
    return replace(row, key=replace(row.key, sender="")) if row.key.sender else row
