"""Reads any number of stores into one set of records without duplicates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.records import Record, RecordError, read_records
from leaderboard.errors import BoardError

# What two honest copies of one record share; the rest (when, where, how long) may differ between machines.
CONTENT = (
    "kind",
    "suite_version",
    "git_sha",
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

    A speed record is a copy only on the same hardware fingerprint. Raises BoardError for a path that is not a
    store, a bad record, or copies that disagree (naming both files).
    """
    warnings: list[str] = []
    kept: dict[tuple[str, str], tuple[str, Record, str]] = {}
    gone: set[str] = set()  # one store's copy may not know yet that another's record stands in its place
    for path in paths:
        try:
            result = read_records(Path(path))
        except RecordError as error:
            raise BoardError(str(error)) from None
        warnings.extend(result.warnings)
        gone |= result.superseded
        for record, place in zip(result.records, result.places, strict=True):
            key = (record.id, record.environment.fingerprint if record.kind == "speed" else "")
            entry = (record.to_json(), record, place)
            if key in kept:
                _check_same(kept[key][1], kept[key][2], record, place)
                entry = min(entry, kept[key], key=lambda each: each[0])
            kept[key] = entry
    ordered = sorted((item for item in kept.items() if item[0][0] not in gone), key=lambda item: item[0])
    return Loaded([e[1] for _, e in ordered], [e[2] for _, e in ordered], sorted(set(warnings)))


def _check_same(first: Record, first_place: str, second: Record, second_place: str) -> None:
    for field in CONTENT:
        if getattr(first, field) != getattr(second, field):
            one, other = sorted((first_place, second_place))
            raise BoardError(f"record {first.id} differs in {field} between {one} and {other}")
