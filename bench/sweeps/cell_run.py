"""How far one cell has come, read off its records, and what it needs next."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from graph_distillery.bench.records import Record
from graph_distillery.bench.records.fields import Selection
from graph_distillery.bench.records.identity import selected_id, work_id
from graph_distillery.bench.sweeps.plan.plan import Cell
from graph_distillery.bench.sweeps.spec import Spec
from graph_distillery.bench.sweeps.study.known_trials import KnownTrials
from graph_distillery.bench.sweeps.study.study import Study
from graph_distillery.bench.sweeps.study.trial import Trial

_STOPPED = ("failed", "nan", "oom", "timeout")


@dataclass(frozen=True)
class JobRequest:
    """One piece of a cell's work. trial: its number; selection: which configuration a report or speed is of.

    repeats: the trial of the same configuration, which has ended, so that nothing is to be trained. student_of: the
    report record whose run is trained again for its student alone.
    """

    purpose: Literal["trial", "report", "speed"]
    configuration: Mapping[str, Any]
    seeds: tuple[int, ...]
    trial: int | None = None
    selection: Selection | None = None
    report_every: int = 0
    repeats: int | None = None
    student_of: str | None = None


@dataclass
class CellRun:
    """A cell and its records.

    busy: the names of what is under way. curves: what first seeds under way have reported, by trial and epoch.
    failed: reports and speeds to be done again, not among the others. warm_starts: configurations that won
    elsewhere, asked for at each proposal; None where it is too early to say. fuses: whether report seeds go together.
    """

    cell: Cell
    spec: Spec
    trials: dict[int, dict[int, Record]] = field(default_factory=dict)
    reports: dict[tuple[Selection, int], Record] = field(default_factory=dict)
    speeds: dict[Selection, Record] = field(default_factory=dict)
    failed: list[Record] = field(default_factory=list)
    busy: set[tuple[Any, ...]] = field(default_factory=set)
    curves: dict[int, dict[int, float]] = field(default_factory=dict)
    warm_starts: Callable[[], list[dict[str, Any]] | None] = list
    fuses: bool = False
    # What follows from the records, kept until one comes: a driver asks for it many times a second.
    _selected: dict[Selection, Mapping[str, Any]] | None = field(default=None, repr=False)
    _winner: tuple[Trial | None] | None = field(default=None, repr=False)
    _nothing: set[str] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        cell = self.cell
        planned = None if cell.may_be_prolonged else cell.trials
        self.study = Study(cell.id, cell.space, cell.defaults, self.spec.search, cell.trials, planned)
        self.budget = self.study.budget()
        self._trials = KnownTrials(partial(_read, self.study.seeds, self.trials, self.curves))

    @property
    def begun(self) -> Mapping[int, Mapping[str, Any]]:
        """The configurations of the trials that have begun, by number."""
        return self._trials.configurations

    def take(self, records: Iterable[Record]) -> None:
        """Learn of finished work."""
        for record in records:
            if record.search is None or record.cell.id != self.cell.id:
                continue
            self._nothing.clear()
            selection = record.search.selection
            if record.kind == "trial" and record.search.trial is not None:
                self.trials.setdefault(record.search.trial, {})[record.seed] = record
                self._begin(record.search.trial, record.hparams)
            elif record.kind == "report" and selection:
                self.reports[selection, record.seed] = record
            elif record.kind == "speed" and selection:
                self.speeds[selection] = record

    def take_again(self, record: Record) -> None:
        """A run that failed is to be done again: what it was is known, not what came of it."""
        self._nothing.clear()
        if record.kind == "trial" and record.search is not None and record.search.trial is not None:
            self._begin(record.search.trial, record.hparams)
        elif record.kind in ("report", "speed"):
            self.failed.append(record)  # its configuration may lose to a trial that is tried again

    def _begin(self, number: int, configuration: Mapping[str, Any]) -> None:
        """A trial has begun, or something is new about it."""
        self._trials.begin(number, configuration)
        self._selected = self._winner = None
        self._nothing.clear()

    def take_up(self, work: JobRequest) -> None:
        """It is under way."""
        self.busy.update(self.names_of(work))

    def let_go(self, work: JobRequest) -> None:
        """It is under way no more."""
        self.busy.difference_update(self.names_of(work))
        self._nothing.clear()

    def stale(self, work: JobRequest, seed: int) -> tuple[str, ...]:
        """Ids of reports, or speeds, of configurations that are no longer the selected ones, since a trial that was
        tried again won; work of the same kind and seed stands in their place."""
        if work.purpose == "trial":
            return ()
        records = [*self._stood(work), *(record for record in self.failed if record.kind == work.purpose)]
        of_seed = [record for record in records if work.purpose == "speed" or record.seed == seed]
        return tuple(r.id for r in of_seed if not self.stands(r) and not self._awaited(r, work.selection))

    def _stood(self, work: JobRequest) -> list[Record]:
        """Records of reports, or of speeds."""
        return list(self.reports.values() if work.purpose == "report" else self.speeds.values())

    def result_of(self, work: JobRequest) -> Record | None:
        """A record of the same configuration and seed, whose scores are those of this work too: since the search was
        prolonged it was selected under another name or out of fewer trials; or it stands, and with the own term off
        its configuration is what it was."""
        if work.purpose == "trial" or work.student_of is not None:
            return None
        alike = [r for r in self._stood(work) if r.seed == work.seeds[0] and _is_of(r, work.configuration)]
        if work.selection == "ablated" and (standing := next(filter(self.stands, alike), None)):
            return standing
        trained = (record for record in alike if record.repeats is None)
        return next(trained, None) if self.cell.may_be_prolonged else None

    def _awaited(self, record: Record, besides: Selection | None) -> bool:
        """Whether the scores of a record are still to be taken over under another selection."""
        if not self.cell.may_be_prolonged:
            return False
        done = self.reports if record.kind == "report" else {(name, record.seed): r for name, r in self.speeds.items()}
        wanted = self.reported() if record.kind == "report" else self.selections()
        return any(
            name != besides and _is_of(record, configuration) and not self.stands(done.get((name, record.seed)))
            for name, configuration in wanted.items()
        )

    def stands(self, record: Record | None) -> bool:
        """Whether there is a report or speed, and of a configuration that is selected now."""
        selection = record.search.selection if record is not None and record.search else None
        if record is None or selection is None:
            return False
        selected = self.reported()
        if self.cell.may_be_prolonged and record.search is not None and record.search.trials != self.budget:
            return False  # it was selected out of fewer trials
        return selection in selected and _is_of(record, selected[selection])

    def reports_done(self) -> int:
        """Report runs that there are, of the selected configurations once the search is over."""
        return sum(not self.searched or self.stands(record) for record in self.reports.values())

    def ablated_done(self) -> int:
        """Those of them that are without the own term."""
        return sum(self.stands(record) for (selection, _), record in self.reports.items() if selection == "ablated")

    def speeds_done(self) -> int:
        """The same of speed measurements."""
        return sum(not self.searched or self.stands(record) for record in self.speeds.values())

    def drop(self, ids: Iterable[str]) -> None:
        """Forget records in whose place others stand."""
        self._nothing.clear()
        gone = set(ids)
        self.reports = {key: record for key, record in self.reports.items() if record.id not in gone}
        self.speeds = {key: record for key, record in self.speeds.items() if record.id not in gone}
        self.failed = [record for record in self.failed if record.id not in gone]

    def known_trials(self) -> list[Trial]:
        """Every trial that has begun, by number."""
        return self._trials.every()

    def trial(self, number: int) -> Trial:
        return self._trials.trial(number)

    @property
    def searched(self) -> bool:
        """Whether every trial has ended."""
        return len(self.begun) >= self.budget and not self._trials.any_running

    def locked(self) -> Trial | None:
        """The winning trial, once the search is over."""
        if self._winner is None:
            self._winner = (self.study.lock(self.known_trials()),)
        return self._winner[0]

    def selections(self) -> dict[Selection, Mapping[str, Any]]:
        """The configurations to report and to time, once the search is over; none where every trial failed."""
        if self._selected is None:
            self._selected = self._select()
        return self._selected

    def _select(self) -> dict[Selection, Mapping[str, Any]]:
        if not self.cell.reported:
            return {}
        if not self.budget:
            return {"default": self.cell.defaults}
        winner = self.locked()
        if winner is None:
            return {}
        if dict(winner.configuration) == dict(self.cell.defaults):
            return {"both": self.cell.defaults}
        return {"default": self.cell.defaults, "tuned": winner.configuration}

    def reported(self) -> Mapping[Selection, Mapping[str, Any]]:
        """The same, and the locked one with the method's own term off, which is reported alone."""
        selected = self.selections()
        ablated = self.cell.without_own_term(list(selected.values())[-1]) if selected else None
        return selected if ablated is None else {**selected, "ablated": ablated}

    def ablated_alike(self) -> bool:
        """Whether a selected configuration is what the locked one is without its own term, so that nothing is trained
        for that; before the search is over, whether it will be whatever wins."""
        ablated = self.reported().get("ablated")
        if ablated is None:
            return self.cell.own_term_always_off
        return any(dict(configuration) == dict(ablated) for configuration in self.selections().values())

    def next_search(self) -> JobRequest | None:
        """The next seeds of a trial under way, or a new trial; None where there is but to wait, too."""
        if "search" in self._nothing:
            return None
        # Not len(begun): a killed driver leaves gaps, where an earlier trial was still in flight.
        # They are filled first, for a later trial may repeat them.
        fresh, running = min(self._trials.first_free, self.budget), self._trials.running()
        before = bisect_left(running, fresh)
        for number in (*running[:before], fresh, *running[before:]):
            if number == fresh and not self._begins(fresh):
                continue
            if ("trial", number) not in self.busy and (work := self._work(self.trial(number))):
                return work
        if self.warm_starts is list:  # else it may hang on other cells
            self._nothing.add("search")
        return None

    def _begins(self, number: int) -> bool:
        """Propose a new trial, if there is to be one and what it stands on is there."""
        if number == self.budget or not self._trials.have_ended(self.study.waits_for(number)):
            return False
        warm = self.warm_starts() if number else []  # the first is the default
        if warm is None:
            return False
        self._begin(number, self.study.propose(number, self.known_trials(), warm))
        return True

    def _work(self, trial: Trial) -> JobRequest | None:
        """What a trial under way runs next; None where it waits for the one that it repeats."""
        first = self._trials.first_alike(trial.number)
        if first is not None and self.trial(first).state == "running":
            return None
        if first is not None:
            seeds = tuple(seed for seed in self.trials[first] if seed not in self.trials.get(trial.number, {}))
            return JobRequest("trial", trial.configuration, seeds, trial=trial.number, repeats=first)
        every = self.study.report_every(trial)
        return JobRequest(
            "trial", trial.configuration, self.study.next_seeds(trial), trial=trial.number, report_every=every
        )

    def next_report(self) -> JobRequest | None:
        if "report" in self._nothing or not self.searched:
            return None
        for selection, configuration in self.reported().items():
            seeds: list[int] = []  # that are trained as one job
            for seed in self.spec.report.seeds:
                done = self.stands(self.reports.get((selection, seed)))
                if done or ("report", selection, seed) in self.busy:
                    continue
                work = JobRequest("report", configuration, (seed,), selection=selection)
                known = self.result_of(work) if self.fuses or selection == "ablated" else None
                if selection == "ablated" and self.ablated_alike() and not self.stands(known):
                    continue  # what it repeats is under way
                if not self.fuses or known is not None:
                    return work
                seeds.append(seed)
            if seeds:
                return JobRequest("report", configuration, tuple(seeds), selection=selection)
        self._nothing.add("report")
        return None

    def next_speed(self) -> JobRequest | None:
        if not self.searched:
            return None
        for selection, configuration in self.selections().items():
            if not self.stands(self.speeds.get(selection)) and ("speed", selection) not in self.busy:
                return JobRequest("speed", configuration, (self.spec.report.seeds[0],), selection=selection)
        return None

    def names_of(self, work: JobRequest) -> list[tuple[Any, ...]]:
        """What `busy` calls a piece of work."""
        if work.student_of is not None:
            return [("student", work.student_of)]
        if work.purpose == "trial":
            return [("trial", work.trial)]
        reports: list[tuple[Any, ...]] = [("report", work.selection, seed) for seed in work.seeds]
        return reports if work.purpose == "report" else [("speed", work.selection)]

    def earlier(self, work: JobRequest) -> list[Record]:
        """Records that there are of a trial, or of a configuration's reports."""
        if work.purpose == "trial" and work.trial is not None:
            return list(self.trials.get(work.trial, {}).values())
        if work.purpose == "report":
            stood = (record for (selection, _), record in self.reports.items() if selection == work.selection)
            return [record for record in stood if self.stands(record)]
        return []

    def over(self, work: JobRequest) -> bool:
        """Whether nothing more comes of a trial, or of a configuration's reports."""
        if work.purpose == "trial" and work.trial is not None:
            return self.trial(work.trial).state != "running"
        return work.purpose != "report" or len(self.earlier(work)) == len(self.spec.report.seeds)

    def record_id(self, work: JobRequest, seed: int) -> str:
        """The same for the same work, on any machine."""
        split = self.spec.runs_of(seed).split_of(seed)
        if work.purpose != "trial" and self.cell.may_be_prolonged:
            return selected_id(
                self.cell.id, work.purpose, work.selection, seed, split, self.budget, dict(work.configuration)
            )
        return work_id(self.cell.id, work.purpose, work.trial, work.selection, seed, split)

    def prunes(self, work: JobRequest, seed: int, score: float) -> bool:
        """Whether the trial stops after this seed."""
        assert work.trial is not None
        if seed != work.seeds[-1]:
            return False
        trial = self.trial(work.trial)
        judged = replace(trial, values={**trial.values, seed: score}, state="running")
        return self.study.stops_after_seed(judged, self._others(work.trial))

    def stops_at(self, work: JobRequest, epoch: int, score: float) -> bool:
        """Take a report on a trial's first seed, and say whether the trial stops there."""
        assert work.trial is not None
        if not math.isfinite(score):  # an undefined score is no verdict; training goes on or ends as it would
            return False
        self.curves.setdefault(work.trial, {})[epoch] = score
        self._begin(work.trial, work.configuration)
        return self.study.stops_after_epoch(self.trial(work.trial), epoch, self._others(work.trial))

    def curve_of(self, work: JobRequest, seed: int) -> tuple[tuple[int, float], ...] | None:
        """What a seed reported on its way, for its record."""
        if not work.report_every or work.trial is None or seed != work.seeds[0]:
            return None
        return tuple(sorted(self.curves.get(work.trial, {}).items()))

    def _others(self, number: int) -> list[Trial]:
        return [trial for trial in self.known_trials() if trial.number != number]


def _read(
    seeds: Sequence[int],
    trials: Mapping[int, Mapping[int, Record]],
    curves: Mapping[int, Mapping[int, float]],
    number: int,
    configuration: Mapping[str, Any],
) -> Trial:
    """A trial of those that have begun. No method of the cell's run: both would then wait for the cycle collector."""
    records = trials.get(number, {})
    scored = {seed: r.metrics.val[r.cell.metric] for seed, r in records.items() if r.cell.metric in r.metrics.val}
    values = {seed: scored[seed] for seed in seeds if seed in scored}
    statuses = {record.status for record in records.values()}
    state: Literal["complete", "pruned", "failed", "running"] = "running"
    if statuses & set(_STOPPED):
        state = "failed"
    elif "pruned" in statuses:
        state = "pruned"
    elif len(records) == len(seeds):
        state = "complete"
    first = records.get(seeds[0])
    curve = curves.get(number, {}) if first is None else dict(first.curve or ())
    latency = first.speed.full_forward_ms.p50 if first is not None and first.speed else None
    return Trial(number, configuration, values, state, curve, latency)


def _is_of(record: Record, configuration: Mapping[str, Any]) -> bool:
    return dict(record.hparams) == dict(configuration)
