"""Reads any number of stores into one set of records without duplicates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.records import Record, RecordError, read_records
from leaderboard.errors import BoardError

# What two honest copies of one record share; the rest (when, where, how long) may differ.
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

    A record is a copy of another with the same id on the same hardware fingerprint; on other hardware it is a repeat,
    and both are kept. Raises BoardError for a path that is not a store, a bad record, or copies that disagree (naming
    both files).
    """
    warnings: list[str] = []
    kept: dict[tuple[str, str], tuple[Record, str]] = {}
    for path in paths:
        try:
            result = read_records(Path(path))
        except RecordError as error:
            raise BoardError(str(error)) from None
        warnings.extend(result.warnings)
        for record, place in zip(result.records, result.places, strict=True):
            key = (record.id, record.environment.fingerprint)
            if key not in kept:
                kept[key] = (record, place)
                continue
            known, known_place = kept[key]
            _check_same(known, known_place, record, place)
            if record.to_json() < known.to_json():
                kept[key] = (record, place)
    ordered = [kept[key] for key in sorted(kept)]
    return Loaded([record for record, _ in ordered], [place for _, place in ordered], sorted(set(warnings)))


def _check_same(first: Record, first_place: str, second: Record, second_place: str) -> None:
    for field in CONTENT:
        if getattr(first, field) != getattr(second, field):
            one, other = sorted((first_place, second_place))
            raise BoardError(f"record {first.id} differs in {field} between {one} and {other}")
