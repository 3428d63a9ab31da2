"""Reads any number of stores into one set of records without duplicates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from graph_distillery.bench.records import Record, RecordError, read_records
from graph_distillery.bench.records.schema import Cell
from graph_distillery.bench.records.sharing import collector_paused
from graph_distillery.leaderboard.errors import BoardError
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
    """Records of all stores in an order that depends on their content alone; ``places[i]`` is FILE:LINE."""

    records: list[Record]
    places: list[str]
    warnings: list[str]


def load_stores(paths: Iterable[Path]) -> Loaded:
    """Read stores; copies of a record in several stores must agree and count once.

    A record is a copy of another with the same id on the same hardware fingerprint; on other hardware it is a repeat,
    and both are kept. A failed record gives way to one of any store that was tried in its place; a finished one never
    does, so that no store can make another's results disappear. Raises BoardError for a path that is not a store, a bad
    record or torn line, copies that disagree, or records of one seed that were made on different splits (naming both
    files).
    """
    kept: dict[tuple[str, str], Placed] = {}
    gone: set[str] = set()  # one store's copy may not know yet that another's record stands in its place
    with collector_paused():
        for path in paths:
            try:
                result = read_records(Path(path))
            except RecordError as error:
                raise BoardError(str(error)) from None
            if result.warnings:
                raise BoardError(f"{result.warnings[0]}; resume its sweep, which sets it aside")
            gone |= result.superseded
            for record, place in zip(result.records, result.places, strict=True):
                _keep(kept, record, place)
        ordered = [kept[key] for key in sorted(kept) if key[0] not in gone or kept[key][0].status == "ok"]
    conflict = split_conflict(ordered)
    if conflict:
        raise BoardError(conflict)
    return Loaded([record for record, _ in ordered], [place for _, place in ordered], [])


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


def _keep(kept: dict[tuple[str, str], Placed], record: Record, place: str) -> None:
    key = (record.id, record.environment.fingerprint)
    known, known_place = kept.setdefault(key, (record, place))
    if known is record:
        return
    _check_same(known, known_place, record, place)
    if record.to_json() < known.to_json():
        kept[key] = (record, place)


def _check_same(first: Record, first_place: str, second: Record, second_place: str) -> None:
    for field in CONTENT:
        if _content(first, field, second) != _content(second, field, first):
            one, other = sorted((first_place, second_place))
            raise BoardError(f"record {first.id} differs in {field} between {one} and {other}")


def _content(record: Record, field: str, other: Record) -> object:
    """What is compared of a field: of cells what both tell, since older records say less of their split."""
    content: object = getattr(record, field)
    if not isinstance(content, Cell):
        return content
    untold = [name for name in ("split_sha256", "test_sha256", "items") if getattr(other.cell, name) is None]
    return content.model_copy(update=dict.fromkeys(untold))
