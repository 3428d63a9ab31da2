"""A row of a comparison: one method and variant, with its configurations and its speed."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.records import Record, Speed
from leaderboard.errors import BoardError
from leaderboard.statistics import Summary, mean, summarise

Replicate = tuple[int, int]  # (split seed, seed): what pairs the runs of two methods
Selection = Literal["tuned", "default", "fixed"]  # fixed: a run that no search stands behind
Role = Literal["teacher", "majority", "supervised", "method"]
ROLES: tuple[Role, ...] = ("teacher", "majority", "supervised", "method")
RANKED: tuple[Role, ...] = ("supervised", "method")


def role_of(method: str) -> Role:
    """The control rows go by their method's name."""
    return next((role for role in ROLES if role == method), "method")


def selections(record: Record) -> tuple[Selection, ...]:
    """The configurations a report or speed record stands for: "both" is a winner that is the default."""
    selection = record.search.selection if record.search else None
    if selection == "both":
        return ("tuned", "default")
    return (selection,) if selection else ("fixed",)


@dataclass(frozen=True, order=True)
class RowKey:
    """What makes two records belong to one row; fixed configurations have a row of their own."""

    method: str
    variant: str
    fixed: bool

    @property
    def name(self) -> str:
        """The method as shown; says where it is not the paper's variant, or where no search was made."""
        notes = [self.variant] if self.variant != "paper" else []
        notes += ["fixed"] if self.fixed and role_of(self.method) in RANKED else []
        return f"{self.method} ({', '.join(notes)})" if notes else self.method


@dataclass(frozen=True)
class Result:
    """The report runs of one configuration: scores in [0, 1] by replicate, and the runs that gave none."""

    selection: Selection
    test: dict[Replicate, float]
    val: dict[Replicate, float]
    parts: dict[str, dict[Replicate, float]]
    failed: dict[Replicate, str]
    trials: int | None
    budgets: tuple[str, ...]

    @property
    def summary(self) -> Summary | None:
        return summarise(list(self.test.values()))

    @property
    def validation(self) -> Summary | None:
        return summarise(list(self.val.values()))

    def part(self, name: str) -> float | None:
        """Mean test score of one part of an inductive test, ``tran`` or ``ind``."""
        return mean(list(self.parts[name].values())) if self.parts.get(name) else None


@dataclass(frozen=True)
class SpeedRow:
    """Inference cost on one hardware fingerprint, medians over the measured seeds; milliseconds and MiB."""

    full_forward_ms: float
    request_ms: float | None
    params: int
    macs: int
    peak_memory_mb: float


@dataclass(frozen=True)
class Row:
    """One line of a comparison; ``speed`` is keyed by hardware fingerprint."""

    key: RowKey
    role: Role
    results: dict[Selection, Result]
    speed: dict[str, SpeedRow]
    failed_trials: int
    teacher_ids: frozenset[str]
    expected: int = 0
    missing: frozenset[Replicate] = field(default=frozenset())

    @property
    def headline(self) -> Result | None:
        """The configuration that represents the method: tuned, else default, else fixed."""
        order: tuple[Selection, ...] = ("tuned", "default", "fixed")
        return next((self.results[name] for name in order if name in self.results), None)

    @property
    def test(self) -> dict[Replicate, float]:
        return self.headline.test if self.headline else {}

    @property
    def summary(self) -> Summary | None:
        return self.headline.summary if self.headline else None

    @property
    def failed_runs(self) -> int:
        return len(self.headline.failed) if self.headline else 0

    @property
    def complete(self) -> bool:
        """Has every report seed its peers have, and a score."""
        return bool(self.test) and not self.missing and not self.failed_runs

    @property
    def status(self) -> str:
        """ "complete", or what is missing."""
        if self.complete:
            return "complete"
        failed = f", {self.failed_runs} failed" if self.failed_runs else ""
        return f"partial ({self.expected - len(self.missing)}/{self.expected} seeds{failed})"


def make_row(key: RowKey, records: list[tuple[Record, str]]) -> Row:
    """Gather the trial, report and speed records (each with its FILE:LINE) of one row."""
    reports = [(r, place) for r, place in records if r.kind == "report"]
    names = {name for record, _ in reports for name in selections(record)}
    results = {
        name: _make_result(name, [(r, place) for r, place in reports if name in selections(r)])
        for name in sorted(names)
    }
    row = Row(
        key=key,
        role=role_of(key.method),
        results=results,
        speed={},
        failed_trials=sum(r.kind == "trial" and r.status not in ("ok", "pruned") for r, _ in records),
        teacher_ids=frozenset(r.cell.teacher_id for r, _ in reports if r.cell.teacher_id),
    )
    wanted = row.headline.selection if row.headline else None
    speeds: dict[str, list[Speed]] = {}
    for record, _ in records:
        if record.kind == "speed" and record.status == "ok" and record.speed and wanted in selections(record):
            speeds.setdefault(record.environment.fingerprint, []).append(record.speed)
    row.speed.update({name: _median_speed(each) for name, each in sorted(speeds.items())})
    return row


def _make_result(selection: Selection, reports: list[tuple[Record, str]]) -> Result:
    result = Result(
        selection,
        {},
        {},
        {},
        {},
        trials=max((r.search.trials for r, _ in reports if r.search), default=None),
        budgets=tuple(sorted({r.search.budget for r, _ in reports if r.search})),
    )
    seen: dict[Replicate, str] = {}
    hparams: dict[int, tuple[Mapping[str, object], str]] = {}
    for record, place in sorted(reports, key=lambda each: (each[0].cell.split_seed, each[0].seed, each[0].id)):
        replicate = (record.cell.split_seed, record.seed)
        if record.status != "ok" or record.metrics.test is None:
            result.failed[replicate] = record.status
            continue
        what = f"{record.cell.dataset}, {record.cell.method} ({selection})"
        if replicate in seen:
            first, second = sorted((seen[replicate], place))
            raise BoardError(f"{what}, seed {record.seed}: two different report runs, at {first} and {second}")
        known, known_place = hparams.setdefault(record.cell.split_seed, (record.hparams, place))
        if known != record.hparams:
            first, second = sorted((known_place, place))
            raise BoardError(f"{what}: two different configurations in one row, at {first} and {second}")
        seen[replicate] = place
        result.test[replicate] = _test_score(record.cell.method, record.cell.metric, record.metrics.test)
        result.val[replicate] = record.metrics.val[record.cell.metric]
        for part in ("tran", "ind") if record.cell.setting == "inductive" else ():
            result.parts.setdefault(part, {})[replicate] = record.metrics.test[part]
    for replicate in result.test:
        result.failed.pop(replicate, None)
    return result


def _median_speed(speeds: list[Speed]) -> SpeedRow:
    requests = [speed.request_ms.batch_1.p50 for speed in speeds if speed.request_ms]
    return SpeedRow(
        full_forward_ms=statistics.median(speed.full_forward_ms.p50 for speed in speeds),
        request_ms=statistics.median(requests) if requests else None,
        params=statistics.median_low(speed.params for speed in speeds),
        macs=statistics.median_low(speed.macs for speed in speeds),
        peak_memory_mb=statistics.median(speed.peak_memory_mb for speed in speeds),
    )


def _test_score(method: str, metric: str, test: Mapping[str, float]) -> float:
    """The score a row stands for. The majority row is the share of the test set's most frequent class.

    A training set with equally many labels of each class does not tell which class that is, so what a constant
    prediction learned from it scores is arbitrary.
    """
    if method == "majority" and metric == "accuracy":
        return test.get("largest_class", test[metric])
    return test[metric]
