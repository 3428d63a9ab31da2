"""The overall tables: how methods stand over every comparison of a family, never over some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graph_distillery.leaderboard.read.rows import RANKED, Row, RowKey
from graph_distillery.leaderboard.statistics import Estimate, PairedTest, geometric_mean, mean
from graph_distillery.leaderboard.tables.comparison import Comparison

if TYPE_CHECKING:
    from graph_distillery.leaderboard.statistics.across import Profile
    from graph_distillery.leaderboard.statistics.datasets import DatasetTests
    from graph_distillery.leaderboard.statistics.interquartile import Scale
    from graph_distillery.leaderboard.statistics.resampling import Floats, Strata

Members = Sequence[Comparison]
Found = Sequence[Mapping[RowKey, Row]]


@dataclass(frozen=True)
class OverallRow:
    """A method's standing over every comparison of a family.

    ``rank``: mean rank among the family's complete methods, on the seeds that all students of a comparison have.
    ``win_rate``: the chance that a run of it beats a run of another, mean over the others and the datasets.
    ``iqm`` and ``profile``: of scores normalised so that the majority class is 0 and the teacher 1 (a perfect score,
    without a teacher). ``gap``: mean share of the teacher's gap that was closed. ``gain`` and ``tuning_gain`` are
    means of differences, as fractions. ``speedups``: geometric mean of the teacher's request latency over the row's, by
    hardware fingerprint. ``own_term``: mean over datasets of what the method's own term is worth. None where one
    comparison lacks it.
    """

    key: RowKey
    rank: Estimate
    win_rate: Estimate
    iqm: Estimate | None
    gap: Estimate | None
    gains: Estimate | None
    tuning_gain: float | None
    speedup: float | None
    speedups: dict[str, float]
    device_hours: float | None
    ece: float | None
    profile: Profile | None
    own_term: Estimate | None = None

    @property
    def mean_rank(self) -> float:
        return self.rank.value

    @property
    def gain(self) -> float | None:
        return self.gains.value if self.gains else None

    @property
    def gap_closed(self) -> float | None:
        return self.gap.value if self.gap else None


@dataclass(frozen=True)
class Overall:
    """A family: comparisons that differ in the data alone (same task, setting, teacher and student).

    ``improvement``: P(a run of the first method beats one of the second), for every pair of complete methods in
    the order of ``rows``. ``tests``: over the family's datasets, from five on.
    """

    task: str
    setting: str
    teacher: str | None
    student: str
    comparisons: tuple[Comparison, ...]
    rows: tuple[OverallRow, ...]
    partial: dict[RowKey, tuple[str, ...]]
    fingerprint: str | None
    improvement: dict[tuple[RowKey, RowKey], Estimate]
    tests: DatasetTests[RowKey] | None
    track: str = ""

    @property
    def datasets(self) -> int:
        """How many there are, each counted once whatever its splits."""
        return len({each.data.dataset for each in self.comparisons})

    @property
    def title(self) -> str:
        """What the comparisons share, as a heading."""
        models = f"{self.teacher} → {self.student}" if self.teacher else f"{self.student}, no teacher"
        title = f"{models}, {self.task.replace('-', ' ', 1)}, {self.setting}"
        return f"{self.track}: {title}" if self.track else title


def make_overall(comparisons: list[Comparison]) -> list[Overall]:
    """One table per family and track, in the order of its names."""
    families: dict[tuple[str, str, str, str | None, str], list[Comparison]] = {}
    for each in comparisons:
        key = (each.track, each.data.task, each.data.setting, each.teacher, each.student)
        families.setdefault(key, []).append(each)
    order = sorted(families.items(), key=lambda item: tuple(part or "" for part in item[0]))
    return [_family(*key, members) for key, members in order]


def _family(
    track: str, task: str, setting: str, teacher: str | None, student: str, members: list[Comparison]
) -> Overall:
    """Ranks among the methods that are complete everywhere; the others are listed with what they miss."""
    members = _dense(members, declared=bool(track))
    found = [{row.key: row for row in each.rows if row.role in RANKED} for each in members]
    everyone = sorted({key for rows in found for key in rows})
    partial = {key: gaps for key in everyone if (gaps := _gaps(key, members, found))}
    pool = [key for key in everyone if key not in partial]
    shared = sorted(set.intersection(*(set(each.fingerprints) for each in members)))
    fingerprint = max(shared, key=lambda name: _measured(members, found, pool, name), default=None)
    rows, improvement = _rows(members, found, pool, shared, fingerprint) if pool else ([], {})
    tests = _tests(members, found, [row.key for row in rows])
    return Overall(
        task, setting, teacher, student, tuple(members), tuple(rows), partial, fingerprint, improvement, tests, track
    )


def _dense(members: list[Comparison], *, declared: bool) -> list[Comparison]:
    """The comparisons that at least half as many rows have complete as have the fullest, and not one alone.

    So no dataset that few rows have can leave these alone in the overall. Where a board's file declares the datasets
    all of them count that more than one row has.
    """
    complete = [sum(row.role in RANKED and row.complete for row in each.rows) for each in members]
    least = 0 if declared else max(complete, default=0) / 2
    kept = [each for each, rows in zip(members, complete, strict=True) if rows >= least and rows > 1]
    return kept or members


def _gaps(key: RowKey, members: Members, found: Found) -> tuple[str, ...]:
    return tuple(
        f"{each.data.dataset} ({each.data.split}): {rows[key].status if key in rows else 'missing'}"
        for each, rows in zip(members, found, strict=True)
        if key not in rows or not rows[key].complete
    )


def _rows(
    members: Members, found: Found, pool: Sequence[RowKey], shared: Sequence[str], fingerprint: str | None
) -> tuple[list[OverallRow], dict[tuple[RowKey, RowKey], Estimate]]:
    import numpy as np

    from graph_distillery.leaderboard.statistics import across
    from graph_distillery.leaderboard.statistics.interquartile import iqm
    from graph_distillery.leaderboard.statistics.resampling import Strata

    strata = Strata(tuple(each.data.stratum for each in members))
    raw = [
        [np.array([rows[key].test[seed] for seed in each.shared_seeds]) for key in pool]
        for each, rows in zip(members, found, strict=True)
    ]
    ranks = _ranks(members, raw)
    won = [across.win_rates(each) for each in raw]
    wins = across.shares_over_datasets([_by_dataset(members, [each[of] for each in won]) for of in range(len(pool))])
    scales = _scales(members, pool)
    counted = _weights(members)
    profiles = _profiles(raw, scales, strata, counted) if scales else [None] * len(pool)
    rows = []
    for place, key in enumerate(pool):
        pairs = [(each, rows_of[key]) for each, rows_of in zip(members, found, strict=True)]
        speedups = {name: _speedup(pairs, name) for name in shared}
        hours = [row.tuning.device_hours for _, row in pairs]
        rows.append(
            OverallRow(
                key,
                ranks[place],
                wins[place],
                iqm([each[place] for each in raw], strata, scales) if scales else None,
                _closed(members, [each.gap(row) for each, row in pairs]),
                _over(members, [each.gain(row) for each, row in pairs]) if _one_metric(members) else None,
                _mean_of_all(members, [each.tuning_gain(row) for each, row in pairs]) if _one_metric(members) else None,
                speedups.get(fingerprint) if fingerprint else None,
                {name: value for name, value in speedups.items() if value is not None},
                sum(h for h in hours if h is not None) if None not in hours else None,
                _mean_of_all(members, [row.headline.mean_ece if row.headline else None for _, row in pairs]),
                profiles[place],
                _worth(members, [each.own_term(row) for each, row in pairs]) if _one_metric(members) else None,
            )
        )
    rows.sort(key=lambda row: (row.mean_rank, row.key))
    position = {key: number for number, key in enumerate(pool)}
    order = [position[row.key] for row in rows]
    chances = across.improvement([[each[i] for i in order] for each in raw], strata, counted)
    return rows, {(rows[a].key, rows[b].key): chance for (a, b), chance in chances.items()}


def _by_dataset(members: Members, values: Sequence[float]) -> list[float]:
    """A value per comparison to one per dataset: of several splits of a dataset the mean."""
    found: dict[str, list[float]] = {}
    for each, value in zip(members, values, strict=True):
        found.setdefault(each.data.dataset, []).append(value)
    return [mean(splits) for splits in found.values()]


def _over(members: Members, values: Sequence[float | None]) -> Estimate | None:
    """Mean over datasets with its interval, only where every comparison has a value."""
    from graph_distillery.leaderboard.statistics.across import over_datasets

    known = [value for value in values if value is not None]
    return over_datasets(_by_dataset(members, known)) if known and len(known) == len(values) else None


def _closed(members: Members, gaps: Sequence[Estimate | None]) -> Estimate | None:
    """The mean share of the gap; on one comparison its own interval."""
    return gaps[0] if len(gaps) == 1 else _over(members, [gap.value if gap else None for gap in gaps])


def _worth(members: Members, tests: Sequence[PairedTest | None]) -> Estimate | None:
    """The mean worth of a method's own term; on one comparison with its own interval."""
    if len(tests) == 1:
        return Estimate(tests[0].difference, tests[0].low, tests[0].high) if tests[0] else None
    return _over(members, [test.difference if test else None for test in tests])


def _ranks(members: Members, raw: Sequence[Sequence[Floats]]) -> list[Estimate]:
    """Mean over datasets of every method's rank by its mean score, ties sharing theirs."""
    from graph_distillery.leaderboard.statistics.across import mean_ranks
    from graph_distillery.leaderboard.statistics.summary import average_ranks

    of = [average_ranks({place: mean(scores.tolist()) for place, scores in enumerate(each)}) for each in raw]
    return mean_ranks([_by_dataset(members, [ranks[place] for ranks in of]) for place in range(len(raw[0]))])


def _scales(members: Members, pool: Sequence[RowKey]) -> list[Scale] | None:
    """What normalises each comparison's scores; None where one has no floor, or no top that is clearly above it."""
    fixed = {key.fixed for key in pool}
    found = [each.scale(fixed=fixed == {True}) for each in members]
    known = [scale for scale in found if scale is not None]
    if len(known) < len(found):
        return None
    names = [each.data.dataset for each in members]
    return [replace(scale, weight=1 / names.count(name)) for scale, name in zip(known, names, strict=True)]


def _weights(members: Members) -> list[float]:
    """Of each comparison, so that every dataset counts once whatever its splits; they sum to 1."""
    names = [each.data.dataset for each in members]
    return [1 / (len(set(names)) * names.count(name)) for name in names]


def _profiles(
    raw: Sequence[Sequence[Floats]], scales: Sequence[Scale], strata: Strata, weights: Sequence[float]
) -> Sequence[Profile | None]:
    from graph_distillery.leaderboard.statistics.across import performance_profiles

    scaled = [[scale.normalised(scores) for scores in each] for each, scale in zip(raw, scales, strict=True)]
    return performance_profiles(scaled, strata, weights)


def _tests(members: Members, found: Found, pool: Sequence[RowKey]) -> DatasetTests[RowKey] | None:
    """Tests over datasets; a dataset with several comparisons (splits) counts once, with its mean over them."""
    from graph_distillery.leaderboard.statistics.datasets import dataset_tests

    if len(pool) < 2:
        return None
    scores: dict[RowKey, dict[str, list[float]]] = {key: {} for key in pool}
    for each, rows in zip(members, found, strict=True):
        for key in pool:
            score = mean([rows[key].test[seed] for seed in each.shared_seeds])
            scores[key].setdefault(each.data.dataset, []).append(score)
    return dataset_tests({key: [mean(splits) for splits in of.values()] for key, of in scores.items()})


def _measured(members: Members, found: Found, pool: Sequence[RowKey], name: str) -> int:
    """How many speed-ups one fingerprint offers to a family."""
    return sum(
        each.speedup(rows[key], name) is not None for each, rows in zip(members, found, strict=True) for key in pool
    )


def _one_metric(members: Members) -> bool:
    return len({each.data.metric for each in members}) == 1


def _speedup(pairs: Sequence[tuple[Comparison, Row]], machine: str) -> float | None:
    """Of requests, the teacher's latency over the row's; of full forwards where not all rows were asked."""
    asked = _geometric([each.speedup(row, machine, request=True) for each, row in pairs])
    return asked or _geometric([each.speedup(row, machine) for each, row in pairs])


def _geometric(ratios: Sequence[float | None]) -> float | None:
    known = [ratio for ratio in ratios if ratio]
    return geometric_mean(known) if known and len(known) == len(ratios) else None


def _mean_of_all(members: Members, values: Sequence[float | None]) -> float | None:
    """The mean over datasets, only where every comparison has a value."""
    known = [value for value in values if value is not None]
    return mean(_by_dataset(members, known)) if known and len(known) == len(values) else None
