"""The overall tables: how methods stand over every comparison of a family, never over some of them."""

from __future__ import annotations

from dataclasses import dataclass

from leaderboard.comparison import Comparison
from leaderboard.rows import RANKED, Row, RowKey
from leaderboard.statistics import geometric_mean, mean


@dataclass(frozen=True)
class OverallRow:
    """A method's standing over every comparison of a family."""

    key: RowKey
    mean_rank: float
    gain: float | None
    gap_closed: float | None
    speedup: float | None


@dataclass(frozen=True)
class Overall:
    """A family: comparisons that differ in the data alone (same task, setting, teacher and student)."""

    task: str
    setting: str
    teacher: str | None
    student: str
    comparisons: tuple[Comparison, ...]
    rows: tuple[OverallRow, ...]
    partial: dict[RowKey, tuple[str, ...]]
    fingerprint: str | None


def make_overall(comparisons: list[Comparison]) -> list[Overall]:
    """One table per family, in the order of its names."""
    families: dict[tuple[str, str, str | None, str], list[Comparison]] = {}
    for each in comparisons:
        families.setdefault((each.data.task, each.data.setting, each.teacher, each.student), []).append(each)
    order = sorted(families.items(), key=lambda item: tuple(part or "" for part in item[0]))
    return [_family(*key, members) for key, members in order]


def _family(task: str, setting: str, teacher: str | None, student: str, members: list[Comparison]) -> Overall:
    """Ranks among the methods that are complete everywhere; the others are listed with what they miss."""
    found = [{row.key: row for row in each.rows if row.role in RANKED} for each in members]
    everyone = sorted({key for rows in found for key in rows})
    partial = {}
    for key in everyone:
        gaps = [
            f"{each.data.dataset} ({each.data.split}): {rows[key].status if key in rows else 'missing'}"
            for each, rows in zip(members, found, strict=True)
            if key not in rows or not rows[key].complete
        ]
        if gaps:
            partial[key] = tuple(gaps)
    pool = [key for key in everyone if key not in partial]
    ranks = [each.ranks(pool) for each in members]
    shared = sorted(set.intersection(*(set(each.fingerprints) for each in members)))
    fingerprint = max(shared, key=lambda name: _measured(members, found, pool, name), default=None)
    rows = []
    for key in pool:
        pairs = [(each, rows_of[key]) for each, rows_of in zip(members, found, strict=True)]
        ups = [each.speedup(row, fingerprint) if fingerprint else None for each, row in pairs]
        rows.append(
            OverallRow(
                key,
                mean([each[key] for each in ranks]),
                _mean_of_all([each.gain(row) for each, row in pairs]),
                _mean_of_all([each.gap_closed(row) for each, row in pairs]),
                geometric_mean([up for up in ups if up]) if all(ups) else None,
            )
        )
    rows.sort(key=lambda row: (row.mean_rank, row.key))
    return Overall(task, setting, teacher, student, tuple(members), tuple(rows), partial, fingerprint)


def _measured(members: list[Comparison], found: list[dict[RowKey, Row]], pool: list[RowKey], name: str) -> int:
    """How many speed-ups one fingerprint offers to a family."""
    return sum(
        each.speedup(rows[key], name) is not None for each, rows in zip(members, found, strict=True) for key in pool
    )


def _mean_of_all(values: list[float | None]) -> float | None:
    """The mean, only where every comparison has a value."""
    known = [value for value in values if value is not None]
    return mean(known) if known and len(known) == len(values) else None
