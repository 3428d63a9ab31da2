"""Reads any number of stores into one set of records without duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from graph_distillery.bench.records import ReadResult, Record, RecordError, read_records
from graph_distillery.bench.records.schema import Cell
from graph_distillery.bench.records.sharing import collector_paused
from graph_distillery.leaderboard.errors import BoardError
from graph_distillery.leaderboard.read.board_file import BoardFile, read_board_file
from graph_distillery.leaderboard.read.runs import Placed

# What two honest copies of one record share; the rest (when, where, how long) may differ.
CONTENT = (
    "kind",
    "suite_version",
    "cell",
    "hparams",
    "search",
    "seed",
    "metrics",
    "status",
    "error",
)


@dataclass(frozen=True)
class Loaded:
    """Records of all stores in an order that depends on their content alone; ``places[i]`` is FILE:LINE.

    ``senders``: who sent the store of each id, where a board's file says so.
    """

    records: list[Record]
    places: list[str]
    warnings: list[str]
    senders: Mapping[str, str] = field(default_factory=dict)


def load_stores(paths: Iterable[Path], accepted: Accepting | None = None) -> Loaded:
    """Read stores; copies of a record in several stores must agree and count once.

    A record is a copy of another with the same id on the same hardware fingerprint; on other hardware it is a repeat,
    and both are kept. A failed record gives way to one of any store that was tried in its place; a finished one never
    does, so that no store can make another's results disappear. Raises BoardError for a path that is not a store, a bad
    record or torn line, copies that disagree, records of one seed that were made on different splits (naming both
    files), or a store that is not accepted.

    accepted: a board's file. Of copies in the stores of several senders the one counts whose store stands first in it.
    """
    kept: dict[tuple[str, str], Placed] = {}
    gone: set[str] = set()  # one store's copy may not know yet that another's record stands in its place
    with collector_paused():
        read = [(Path(path), _read(Path(path))) for path in paths]
        senders = accepted.senders_of(read) if accepted else {}
        order = {sender: place for place, sender in enumerate(dict.fromkeys(senders.values()))}
        for _, result in read:
            gone |= result.superseded
            for record, place in zip(result.records, result.places, strict=True):
                _keep(kept, record, place, senders, order)
        ordered = [kept[key] for key in sorted(kept) if key[0] not in gone or kept[key][0].status == "ok"]
    conflict = split_conflict(ordered)
    if conflict:
        raise BoardError(conflict)
    return Loaded([record for record, _ in ordered], [place for _, place in ordered], [], senders)


def _read(path: Path) -> ReadResult:
    try:
        result = read_records(path)
    except RecordError as error:
        raise BoardError(str(error)) from None
    if result.warnings:
        raise BoardError(f"{result.warnings[0]}; resume its sweep, which sets it aside")
    return result


@dataclass(frozen=True)
class Accepting:
    """A board's file, and where it lies."""

    file: BoardFile
    path: Path

    def stores(self, given: Iterable[Path]) -> list[Path]:
        """The stores to read: those given, or all that the file has."""
        return list(given) or self.file.paths(self.path.parent)

    def beside(self, out: Path) -> frozenset[str]:
        """What lies in ``out`` beside the board: nothing, unless the file itself lies there."""
        folder = self.path.parent
        return self.file.beside(folder, self.path.name) if folder.resolve() == out.resolve() else frozenset()

    def senders_of(self, read: Iterable[tuple[Path, ReadResult]]) -> dict[str, str]:
        """Who sent the store of each id, in the order of the file.

        BoardError for a store that is not accepted, or one that holds records in the name of another sender's: a row
        belongs to the store that brought it, and nobody adds to another's.
        """
        found: dict[str, int] = {}
        places: dict[str, Path] = {}
        for path, result in read:
            ids = sorted({record.store_id for record in result.records})
            entries = self.file.entries(self.path.parent, path, ids)
            if strange := [store for store in ids if store not in entries]:
                entry = f"{{id: {strange[0]}, by: NAME}}"
                raise BoardError(f"{path}: is not among the stores that {self.path.name} accepts; add {entry}")
            for store, number in entries.items():
                known, place = found.setdefault(store, number), places.setdefault(store, path)
                sender, other = (self.file.stores[each] for each in (known, number))
                if place != path and (sender.by != other.by or None in (sender.path, other.path)):
                    one, two = sorted((str(place), str(path)))
                    raise BoardError(f"{one} and {two}: both hold records of store {store}; name one sender's paths")
            if len({self.file.stores[number].by for number in entries.values()}) > 1:
                raise BoardError(f"{path}: holds records of several senders' stores: {', '.join(ids)}")
        return {store: self.file.stores[found[store]].by for store in sorted(found, key=lambda s: (found[s], s))}


def accepting(board: str | PathLike[str] | None) -> Accepting | None:
    """The board's file at a path; BoardError where it is wrong, None without one."""
    return None if board is None else Accepting(read_board_file(Path(board)), Path(board))


def split_conflict(placed: Iterable[Placed]) -> str | None:
    """One line on two records of the same data, split and seed whose splits were not the same items, if there are any.

    Scores on them are of different test sets, and cannot be paired. Older records do not tell their split.
    """
    seen: dict[tuple[str, ...], Placed] = {}
    for record, place in placed:
        c = record.cell
        if c.split_sha256 is None:
            continue
        key = (c.dataset, c.dataset_sha256, c.node_order_sha256, c.split, str(c.split_seed))
        known, known_place = seen.setdefault(key, (record, place))
        if known.cell.split_sha256 != c.split_sha256:
            one, other = sorted((known_place, place))
            what = f"{c.dataset}, split {c.split}, seed {c.split_seed}"
            return f"{what}: records made on two different splits of that name, at {one} and {other}"
    return None


def _keep(
    kept: dict[tuple[str, str], Placed],
    record: Record,
    place: str,
    senders: Mapping[str, str],
    order: Mapping[str, int],
) -> None:
    key = (record.id, record.environment.fingerprint)
    known, known_place = kept.setdefault(key, (record, place))
    if known is record:
        return
    _check_same(known, known_place, record, place)
    mine, theirs = (order.get(senders.get(each.store_id, ""), 0) for each in (record, known))
    if (mine, record.to_json()) < (theirs, known.to_json()):
        kept[key] = (record, place)


def _check_same(first: Record, first_place: str, second: Record, second_place: str) -> None:
    another = (first.engine or 1) != (second.engine or 1)  # whose runs end in other bits, and may in other scores
    for name in CONTENT:
        if name == "metrics" and another:
            continue
        if _content(first, name, second) != _content(second, name, first):
            one, other = sorted((first_place, second_place))
            raise BoardError(f"record {first.id} differs in {name} between {one} and {other}")


def _content(record: Record, field: str, other: Record) -> object:
    """What is compared of a field: of cells what both tell, since older records say less of their split."""
    content: object = getattr(record, field)
    if not isinstance(content, Cell):
        return content
    untold = [name for name in ("split_sha256", "test_sha256", "items") if getattr(other.cell, name) is None]
    return content.model_copy(update=dict.fromkeys(untold))
