"""What a row is made of: its report runs, its trials, its speed, and where each came from."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

from graph_distillery.bench.records import Record, Speed
from graph_distillery.bench.records.collapse import collapse_in
from graph_distillery.bench.records.fields import Collapse
from graph_distillery.leaderboard.errors import BoardError
from graph_distillery.leaderboard.statistics import (
    BudgetCurve,
    Sampling,
    SplitFacts,
    Summary,
    budget_curve,
    mean,
    sampling_of,
    summarise_scores,
)
from graph_distillery.leaderboard.statistics.rounds import median_over_rounds

Kept = TypeVar("Kept")
Replicate = tuple[int, int]  # (split seed, seed): what pairs the runs of two methods
#: fixed: a run that no search stands behind; ablated: what represents the row with the method's own term off.
Origin = Literal["tuned", "default", "fixed", "ablated"]
Hparams = Mapping[str, str | int | float | bool | None]
Placed = tuple[Record, str]  # a record and its FILE:LINE


@dataclass(frozen=True)
class KeptPredictions:
    """Where the predictions of a run are kept: a store, and their hash in it."""

    store: Path
    sha256: str


@dataclass(frozen=True)
class Source:
    """Where a number came from: ``grep RECORD_ID STORE/records/*.jsonl`` finds the line in the store of that id."""

    record_id: str
    store_id: str
    seed: int
    split_seed: int
    status: str
    score: float | None
    suite_version: str
    git_sha: str | None
    fingerprint: str
    created: str
    cell_id: str


@dataclass(frozen=True)
class Trial:
    """One configuration of a search: its mean validation score, None unless it ran all tuning seeds; device-seconds."""

    number: int
    hparams: Hparams
    score: float | None
    status: str
    seeds: int
    seconds: float


@dataclass(frozen=True)
class Result:
    """The report runs of one configuration: scores by replicate, and the runs that gave none.

    ``test`` and ``val`` are fractions in [0, 1]; ``nll`` (nats) and ``ece`` (fraction) are on the test set and may be
    empty; ``parts`` are the inductive tests; ``train_s`` is the median training time of a run.
    ``predictions`` says where those of a run are kept; ``seen``, the share of its test labels that tuning had read;
    ``collapsed``, how a run learned nothing.
    """

    selection: Origin
    test: dict[Replicate, float]
    val: dict[Replicate, float]
    parts: dict[str, dict[Replicate, float]]
    failed: dict[Replicate, str]
    trials: int | None
    budgets: tuple[str, ...]
    nll: dict[Replicate, float]
    ece: dict[Replicate, float]
    hparams: Hparams
    sources: tuple[Source, ...]
    train_s: float | None
    splits: dict[Replicate, SplitFacts] = field(default_factory=dict)
    counted: bool = False
    test_selected: bool = False
    trains_on_validation: bool = False
    predictions: dict[Replicate, KeptPredictions] = field(default_factory=dict)
    seen: dict[Replicate, float] = field(default_factory=dict)
    collapsed: dict[Replicate, Collapse] = field(default_factory=dict)

    @cached_property
    def summary(self) -> Summary | None:
        from graph_distillery.leaderboard.statistics.variance import summarise_runs  # numpy loads here

        return summarise_runs(self.test, self.sampling)

    @cached_property
    def sampling(self) -> Sampling:
        """How its runs draw on the data; ``splits`` are what their records tell, ``counted`` a share of items."""
        return sampling_of({run: self.splits[run] for run in self.test}, self.counted)

    @cached_property
    def validation(self) -> Summary | None:
        return summarise_scores(list(self.val.values()))

    def only(self, seeds: frozenset[Replicate]) -> Result:
        """The same, less the runs of other seeds."""

        def kept(runs: dict[Replicate, Kept]) -> dict[Replicate, Kept]:
            return {seed: value for seed, value in runs.items() if seed in seeds}

        return replace(
            self,
            test=kept(self.test),
            val=kept(self.val),
            parts={name: kept(scores) for name, scores in self.parts.items()},
            failed=kept(self.failed),
            nll=kept(self.nll),
            ece=kept(self.ece),
            splits=kept(self.splits),
            predictions=kept(self.predictions),
            sources=tuple(each for each in self.sources if (each.split_seed, each.seed) in seeds),
        )

    def part(self, name: str) -> float | None:
        """Mean test score of one part of an inductive test, ``tran`` or ``ind``."""
        return mean(list(self.parts[name].values())) if self.parts.get(name) else None

    @property
    def mean_nll(self) -> float | None:
        """Mean negative log-likelihood, only where every run has one."""
        return mean(list(self.nll.values())) if self.nll and self.nll.keys() == self.test.keys() else None

    @property
    def mean_ece(self) -> float | None:
        """Mean expected calibration error, only where every run has one."""
        return mean(list(self.ece.values())) if self.ece and self.ece.keys() == self.test.keys() else None

    @property
    def fingerprints(self) -> tuple[str, ...]:
        return tuple(sorted({source.fingerprint for source in self.sources}))


@dataclass(frozen=True)
class SpeedRow:
    """Inference cost on one hardware fingerprint, medians over rounds or measurements; milliseconds and MiB.

    The ends of the 95 % intervals are None where there were no rounds; ``beside``: how many networks took turns in a
    round, 1 for one that was timed alone.
    """

    full_forward_ms: float
    request_ms: float | None
    params: int
    macs: int
    peak_memory_mb: float
    sources: tuple[Source, ...] = ()
    full_forward_low: float | None = None
    full_forward_high: float | None = None
    request_low: float | None = None
    request_high: float | None = None
    rounds: int = 1
    beside: int = 1
    shape: str | None = None

    @property
    def first(self) -> tuple[float, float, float]:
        """What comes first: request latency, or where none was measured that of a full forward; with its interval."""
        value, low, high = self.request_ms, self.request_low, self.request_high
        if value is None:
            value, low, high = self.full_forward_ms, self.full_forward_low, self.full_forward_high
        return value, value if low is None else low, value if high is None else high


@dataclass(frozen=True)
class Tuning:
    """A row's search: its trials in order, what they cost, the seeds they were tuned on, and the budget curve."""

    trials: tuple[Trial, ...]
    failed: int
    pruned: int
    seeds: frozenset[int] = frozenset()

    @property
    def device_hours(self) -> float | None:
        """Training time of all trials on their device, in hours; None where there was no trial."""
        return math.fsum(trial.seconds for trial in self.trials) / 3600 if self.trials else None

    @cached_property
    def curve(self) -> BudgetCurve | None:
        return budget_curve([trial.score for trial in self.trials])


def make_result(selection: Origin, reports: Iterable[Placed]) -> Result:
    """The report runs of one configuration; BoardError, naming both places, where two of them contradict."""
    ordered = sorted(reports, key=lambda each: (each[0].cell.split_seed, each[0].seed, each[0].id))
    records = [record for record, _ in ordered]
    trained = [record.timings.train_s for record in records if record.status == "ok"]
    result = Result(
        selection,
        {},
        {},
        {},
        {},
        trials=max((r.search.trials for r in records if r.search), default=None),
        budgets=tuple(sorted({r.search.budget for r in records if r.search})),
        nll={},
        ece={},
        hparams=next((r.hparams for r in records if r.status == "ok"), {}),
        sources=tuple(source_of(record) for record in records),
        train_s=statistics.median(trained) if trained else None,
        counted=all(record.cell.metric == "accuracy" for record in records),
        test_selected=any(record.cell.test_selected for record in records),
        trains_on_validation=any(record.cell.trains_on_validation for record in records),
    )
    seen: dict[Replicate, str] = {}
    first: Placed | None = None
    for record, place in ordered:
        replicate = (record.cell.split_seed, record.seed)
        if record.status != "ok" or record.metrics.test is None:
            result.failed[replicate] = record.status
            continue
        what = f"{record.cell.dataset}, {record.cell.method} ({selection})"
        if replicate in seen:
            one, other = sorted((seen[replicate], place))
            raise BoardError(f"{what}, seed {record.seed}: two different report runs, at {one} and {other}")
        first = first or (record, place)
        if first[0].hparams != record.hparams:
            one, other = sorted((first[1], place))
            raise BoardError(f"{what}: two different configurations in one row, at {one} and {other}")
        seen[replicate] = place
        _take_scores(result, replicate, record, record.metrics.test)
        if record.predictions_sha256 is not None:
            store = Path(place.rpartition(":")[0]).parent.parent
            result.predictions[replicate] = KeptPredictions(store, record.predictions_sha256)
    for replicate in result.test:
        result.failed.pop(replicate, None)
    return result


def _take_scores(result: Result, replicate: Replicate, record: Record, test: Mapping[str, float]) -> None:
    cell = record.cell
    result.test[replicate] = score_of_test(cell.method, cell.metric, test)
    result.val[replicate] = record.metrics.val[cell.metric]
    sizes = (cell.items.train, cell.items.val, cell.items.test) if cell.items else None
    if record.seen_in_tuning is not None:
        result.seen[replicate] = record.seen_in_tuning
    if (collapse := collapse_in(record)) is not None:
        result.collapsed[replicate] = collapse
    result.splits[replicate] = SplitFacts(cell.split_sha256, cell.test_sha256, sizes)
    for name, scores in (("nll", result.nll), ("ece", result.ece)):
        if name in test:
            scores[replicate] = test[name]
    for part in ("tran", "ind") if "tran" in test and cell.setting == "inductive" else ():
        result.parts.setdefault(part, {})[replicate] = test[part]


def make_tuning(trials: Iterable[Record]) -> Tuning:
    """Gather the trial records of one row, a record per tuning seed."""
    by_number: dict[int, list[Record]] = {}
    seeds: set[int] = set()
    for record in trials:
        seeds.add(record.seed)
        number = record.search.trial if record.search else None
        by_number.setdefault(-1 if number is None else number, []).append(record)
    most = max((len(each) for each in by_number.values()), default=0)
    found = tuple(_trial(number, by_number[number], most) for number in sorted(by_number))
    failed = sum(trial.status not in ("ok", "pruned") for trial in found)
    return Tuning(found, failed, sum(trial.status == "pruned" for trial in found), frozenset(seeds))


def _trial(number: int, records: list[Record], most: int) -> Trial:
    """A trial that lacks tuning seeds of the others, was pruned or failed has no score: it could not win."""
    bad = next((r.status for r in records if r.status not in ("ok", "pruned")), None)
    pruned = any(r.status == "pruned" for r in records)
    status = bad or ("pruned" if pruned or len(records) < most else "ok")
    scores = [r.metrics.val[r.cell.metric] for r in records if r.status == "ok"]
    return Trial(
        number,
        records[0].hparams,
        mean(scores) if status == "ok" else None,
        status,
        len(records),
        math.fsum(r.timings.train_s for r in records),
    )


def make_speeds(records: Iterable[Record]) -> dict[str, SpeedRow]:
    """Finished speed records of one configuration, by hardware fingerprint."""
    speeds: dict[str, list[tuple[Record, Speed]]] = {}
    for record in records:
        if record.speed and record.status == "ok":
            speeds.setdefault(record.environment.fingerprint, []).append((record, record.speed))
    return {name: _median_speed(each) for name, each in sorted(speeds.items())}


def _median_speed(measured: list[tuple[Record, Speed]]) -> SpeedRow:
    """Of rows that took turns the newest measurement counts, else the median of all."""
    turns = [(record, speed) for record, speed in measured if speed.rounds and speed.rounds.rows > 1]
    used = [max(turns, key=lambda each: (each[0].created, each[0].id))] if turns else measured
    speeds = [speed for _, speed in used]
    requests = [speed.request_ms.batch_1.p50 for speed in speeds if speed.request_ms]
    rounds = [speed.rounds for speed in speeds if speed.rounds]
    whole = median_over_rounds(full) if (full := [ms for each in rounds for ms in each.full_forward_ms]) else None
    asked = median_over_rounds(request) if (request := [ms for each in rounds for ms in each.request_ms]) else None
    return SpeedRow(
        full_forward_ms=statistics.median(speed.full_forward_ms.p50 for speed in speeds),
        request_ms=statistics.median(requests) if requests else None,
        params=statistics.median_low(speed.params for speed in speeds),
        macs=statistics.median_low(speed.macs for speed in speeds),
        peak_memory_mb=statistics.median(speed.peak_memory_mb for speed in speeds),
        sources=tuple(source_of(record) for record, _ in used),
        full_forward_low=whole.low if whole else None,
        full_forward_high=whole.high if whole else None,
        request_low=asked.low if asked else None,
        request_high=asked.high if asked else None,
        rounds=max(1, len(full)),
        beside=max((each.rows for each in rounds), default=1),
        shape=rounds[0].shape if len(rounds) == len(speeds) == 1 else None,
    )


def source_of(record: Record) -> Source:
    """The provenance of one record."""
    test = record.metrics.test
    return Source(
        record_id=record.id,
        store_id=record.store_id,
        seed=record.seed,
        split_seed=record.cell.split_seed,
        status=record.status,
        score=None if test is None else score_of_test(record.cell.method, record.cell.metric, test),
        suite_version=record.suite_version,
        git_sha=record.git_sha,
        fingerprint=record.environment.fingerprint,
        created=record.created,
        cell_id=record.cell.id,
    )


def score_of_test(method: str, metric: str, test: Mapping[str, float]) -> float:
    """The score a row stands for. The majority row is the share of the test set's most frequent class.

    A training set with equally many labels of each class does not tell which class that is, so what a constant
    prediction learned from it scores is arbitrary.
    """
    if method == "majority" and metric == "accuracy":
        return test.get("largest_class", test[metric])
    return test[metric]
