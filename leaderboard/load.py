"""Reads any number of stores into one set of records without duplicates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.records import Record, RecordError, read_records
from bench.records.sharing import collector_paused
from leaderboard.errors import BoardError
from leaderboard.runs import Placed

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
    record or torn line, or copies that disagree (naming both files).
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
    return Loaded([record for record, _ in ordered], [place for _, place in ordered], [])


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
        if getattr(first, field) != getattr(second, field):
            one, other = sorted((first_place, second_place))
            raise BoardError(f"record {first.id} differs in {field} between {one} and {other}")
