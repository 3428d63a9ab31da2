"""The driver: decides what runs next, keeps the executor busy, and alone writes to the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from graph_distillery.bench.ids import content_id
from graph_distillery.bench.records import Record, RecordError, Search
from graph_distillery.bench.sweeps.cell_run import CellRun, JobRequest
from graph_distillery.bench.sweeps.executors import Executor
from graph_distillery.bench.sweeps.jobs import EpochReport, Job, Outcome, finite
from graph_distillery.bench.sweeps.plan.plan import Cell, Plan, TeacherPlan
from graph_distillery.bench.sweeps.store.recorder import Recorder, problem_key
from graph_distillery.bench.sweeps.store.retries import failures, settled, work_name
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.sweeps.study.warm_starts import Winner, keep_winners, sources_of, warm_starts
from graph_distillery.bench.training.engine import Configuration

if TYPE_CHECKING:
    from graph_distillery.bench.sweeps.trackers.tracking import Tracking

Listener = Callable[[Record], None]


@dataclass(frozen=True)
class _Owner:
    """What a job under way is for."""

    teacher: TeacherPlan | None
    run: CellRun | None = None
    work: JobRequest | None = None


class Driver:
    """Carries a plan out on an executor. Running it again on the same store goes on where it stopped."""

    def __init__(self, plan: Plan, store: Store, device: str = "cpu", retry_failed: bool = False) -> None:
        """With `retry_failed`, what failed, ran out of memory or out of time is done again, once; settled: searches
        of which it is left as it is."""
        self.plan, self.store, self.device = plan, store, device
        self._listeners: list[Listener] = []
        self._watcher: Tracking | None = None
        self.runs = {cell.id: CellRun(cell, plan.spec) for cell in plan.searches}
        self._again = failures(plan, store.records) if retry_failed else {}
        self.settled = settled(plan, store.records) if retry_failed else frozenset[str]()
        for record in store.records:
            run = self.runs.get(record.cell.id)
            if run is not None and record.id in self._again.values():
                run.take_again(record)
            elif run is not None:
                run.take([record])
        if plan.spec.search.transfer:
            elsewhere = keep_winners(plan.spec, store.path)
            for run in self.runs.values():
                run.warm_starts = partial(self._warm_starts, run.cell, elsewhere)
        again = set(self._again.values())
        teachers = [record for record in store.records if record.kind == "teacher" and record.id not in again]
        self._teachers = {record.cell.teacher_id or "": record for record in teachers}
        self._failed_teachers = {key for key, record in self._teachers.items() if record.status != "ok"}
        self._owners: dict[str, _Owner] = {}
        self.slots = 0
        self.recorder = Recorder(plan, store)

    def listen(self, listener: Listener) -> None:
        """Be told of each record once it is on the disk."""
        self._listeners.append(listener)

    def watch(self, watcher: Tracking | None) -> None:
        """Tell it of jobs given out, of reports on the way, and of records."""
        self._watcher = watcher

    def finished(self, run: CellRun) -> bool:
        """Whether a cell has all that it should have."""
        if not run.searched:
            return False
        if run.cell.reported and not run.selections():
            return False
        return run.next_report() is None and run.next_speed() is None

    def under_way(self) -> Counter[str]:
        """Jobs under way, by the id of their cell or teacher; may be asked from another thread."""
        owners = list(self._owners.values())
        places = (owner.run.cell if owner.run is not None else owner.teacher for owner in owners)
        return Counter(place.id for place in places if place is not None)

    def run(self, executor: Executor) -> None:
        """Until nothing is left to do."""
        while True:
            self.slots = executor.slots  # a cluster grows and shrinks
            while len(self._owners) < executor.slots and (job := self.next_job()) is not None:
                if self._watcher is not None:
                    owner = self._owners[job.key]
                    self._watcher.begins(job, owner.run, owner.work, owner.teacher)
                executor.submit(job)
            if not self._owners:
                return
            event = executor.next_event()
            if isinstance(event, EpochReport):
                executor.resume(event.key, self.goes_on(event))
            else:
                self.accept(*event)

    # -- what is next ------------------------------------------------------------------------------------------

    def next_job(self) -> Job | None:
        """The next job in the plan's order; speed comes last, one at a time, with nothing beside it."""
        for step in (CellRun.next_search, CellRun.next_report):
            for run in self.runs.values():
                job = self._next_of(run, step)
                if job is not None:
                    return job
        if self._owners:
            return None
        for run in self.runs.values():
            job = self._next_of(run, CellRun.next_speed)
            if job is not None:
                return job
        return None

    def _next_of(self, run: CellRun, step: Callable[[CellRun], JobRequest | None]) -> Job | None:
        """A cell's next job, or the job of a teacher that it waits for; None when it can only wait."""
        if not all(self._teacher_hparams(teacher) is not None for teacher in run.cell.teachers):
            return None  # a teacher's own search is not over, or has no winner
        while (work := step(run)) is not None and work.repeats is not None:
            self._repeat(run, work, work.repeats)
        if work is None:
            return None
        missing = self._missing_teachers(run.cell, work.seeds)
        if missing is None:
            return None
        if missing:
            teacher, job = missing[0]
            self._owners[job.key] = _Owner(teacher)
            return job
        job = self._job(run, work)
        self._owners[job.key] = _Owner(None, run, work)
        run.busy.add(run.name_of(work))
        return job

    def _teacher_hparams(self, teacher: TeacherPlan) -> Mapping[str, Any] | None:
        if teacher.search is None:
            return teacher.defaults
        run = self.runs[teacher.search.id]
        winner = run.locked() if run.searched else None
        return winner.configuration if winner else None

    def _teacher_id(self, teacher: TeacherPlan, seed: int) -> str:
        """The artefact's id: a hash of what made it."""
        return content_id([teacher.id, dict(self._teacher_hparams(teacher) or {}), seed])

    def _teacher_ids(self, cell: Cell, seed: int) -> tuple[str, ...]:
        """Of a run; those of one split share their teachers."""
        return tuple(self._teacher_id(teacher, self._split_of(seed)) for teacher in cell.teachers)

    def _split_of(self, seed: int) -> int:
        return self.plan.spec.runs_of(seed).split_of(seed)

    def _missing_teachers(self, cell: Cell, seeds: tuple[int, ...]) -> list[tuple[TeacherPlan, Job]] | None:
        """Jobs for the teachers that these seeds lack and nobody trains yet; None where there is but to wait."""
        jobs, under_way = [], False
        for seed, teacher in product(dict.fromkeys(map(self._split_of, seeds)), cell.teachers):
            teacher_id = self._teacher_id(teacher, seed)
            if teacher_id in self._failed_teachers:
                return None
            if teacher_id in self._teachers and self.store.teachers.has(teacher_id):
                continue
            if teacher_id in self._owners:
                under_way = True
            else:
                jobs.append((teacher, self._teacher_job(teacher, teacher_id, seed)))
        return jobs or (None if under_way else [])

    def _teacher_job(self, teacher: TeacherPlan, teacher_id: str, seed: int) -> Job:
        hparams = self._teacher_hparams(teacher) or {}
        return Job(
            key=teacher_id,
            purpose="teacher",
            configuration=configuration("supervised", "paper", teacher.model, hparams),
            problem=problem_key(self.plan, teacher.data),
            seeds=(seed,),
            teacher_id=teacher_id,
            time_limit_s=self.plan.spec.resources.time_limit("supervised"),
            needs=self.plan.spec.resources.of("supervised"),
            device=self.device,
        )

    def _job(self, run: CellRun, work: JobRequest) -> Job:
        cell = run.cell
        config = configuration(cell.method.name, cell.variant, cell.student, work.configuration)
        if work.purpose == "speed":  # how long a forward takes does not hang on the weights
            config = replace(config, student_hyper={**config.student_hyper, **({"epochs": 1} if cell.student else {})})
        teachers = {seed: self._teacher_ids(cell, seed) for seed in work.seeds} if cell.teachers else {}
        return Job(
            key=run.record_id(work, work.seeds[0]),
            purpose=work.purpose,
            configuration=config,
            problem=problem_key(self.plan, cell.data),
            seeds=work.seeds,
            teachers=teachers,
            time_limit_s=self.plan.spec.resources.time_limit(cell.method.name),
            needs=self.plan.spec.resources.of(cell.method.name),
            device=self.device,
            report_every=work.report_every,
            timed=work.purpose == "trial" and "latency" in self.plan.spec.search.objectives,
            splits={seed: split for seed in work.seeds if (split := self._split_of(seed)) != seed},
        )

    def _warm_starts(self, cell: Cell, elsewhere: Sequence[Winner]) -> list[dict[str, Any]] | None:
        """What won on the datasets before; None until all searches there are over that can be."""
        if all(run.searched or self._stuck(run) for run in sources_of(cell, self.runs)):
            return warm_starts(cell, self.runs, elsewhere)
        return None

    def _stuck(self, run: CellRun) -> bool:
        """Whether a search can never end, since a teacher has no winner of its own search, or failed on a seed."""
        for teacher in run.cell.teachers:
            if self._teacher_hparams(teacher) is not None:
                if any(self._teacher_id(teacher, seed) in self._failed_teachers for seed in run.study.seeds):
                    return True
            elif teacher.search is not None and self.runs[teacher.search.id].searched:
                return True
        return False

    # -- what came of it ---------------------------------------------------------------------------------------

    def goes_on(self, progress: EpochReport) -> bool:
        """Whether a trial that has reported goes on; one that does not is recorded as pruned here."""
        owner = self._owners[progress.key]
        run, work = owner.run, owner.work
        assert run is not None
        assert work is not None
        metric = self.recorder.identity(run.cell.data).metric
        if self._watcher is not None:
            self._watcher.reports(progress, metric, run, work)
        if not run.stops_at(work, progress.epoch, progress.score):
            return True
        stopped = Outcome(
            progress.key,
            progress.seed,
            "pruned",
            validation={metric: progress.score},
            epochs=progress.epoch,
            train_s=progress.train_s,
            identity=progress.identity,
            environment=progress.environment,
        )
        self.accept(stopped, ended=True)
        return False

    def accept(self, outcome: Outcome, ended: bool) -> None:
        """Record an outcome; after this it is on the disk."""
        outcome = finite(outcome)
        owner = self._owners[outcome.key]
        if owner.run is None:
            record = self._accept_teacher(owner, outcome)
        else:
            record = self._accept_work(owner.run, owner, outcome)
        if record is not None:
            for listener in self._listeners:  # to whom the job that brought it is still under way
                listener(record)
        if self._watcher is not None:
            self._watcher.records(record, outcome.key, owner.run, owner.work)
        if ended:
            del self._owners[outcome.key]
            if owner.run is not None and owner.work is not None:
                owner.run.busy.discard(owner.run.name_of(owner.work))

    def _accept_teacher(self, owner: _Owner, outcome: Outcome) -> Record | None:
        teacher = owner.teacher
        assert teacher is not None
        if outcome.teacher is not None:
            try:
                self.store.teachers.save(outcome.teacher)
            except OSError as error:
                folder = self.store.teachers.folder
                raise RecordError(f"{folder}: cannot save a teacher: {error.strerror or error}") from None
        if outcome.status != "ok":
            self._failed_teachers.add(outcome.key)
        known = self._teachers.get(outcome.key)
        if known is not None and outcome.status == "ok":  # its folder was lost and is back
            return None
        former = self._former("teacher", teacher.id, None, outcome) if known is None else (known.id,)
        record = self.recorder.teacher(teacher, outcome, self._teacher_hparams(teacher) or {}, former)
        self._teachers[outcome.key] = record
        self.store.append(record)
        return record

    def _accept_work(self, run: CellRun, owner: _Owner, outcome: Outcome) -> Record:
        work, cell = owner.work, run.cell
        assert work is not None
        teacher_ids = self._teacher_ids(cell, outcome.seed)
        status: Any = outcome.status
        if work.purpose == "trial" and status == "ok":
            score = outcome.validation[self.recorder.identity(cell.data).metric]
            status = "pruned" if run.prunes(work, outcome.seed, score) else "ok"
        search = self.recorder.search(run, work)
        former = self._former(work.purpose, cell.id, search, outcome)
        record = self.recorder.work(
            run,
            work,
            replace(outcome, status=status),
            search,
            former + run.stale(work, outcome.seed),
            [self._teachers[teacher_id] for teacher_id in teacher_ids],
        )
        self.store.append(record)
        run.drop(record.supersedes or ())
        run.take([record])
        return record

    def _repeat(self, run: CellRun, work: JobRequest, trial: int) -> None:
        """Record for a trial what another one of the same configuration came to."""
        search = self.recorder.search(run, work)
        for seed in work.seeds:
            known = run.trials[trial][seed]
            name = work_name(work.purpose, run.cell.id, search, seed)
            former = (self._again.pop(name),) if name in self._again else ()
            record = self.recorder.repeat(run, work, known, search, former)
            self.store.append(record)
            run.take([record])
            for listener in self._listeners:
                listener(record)

    def _former(self, kind: str, cell_id: str, search: Search | None, outcome: Outcome) -> tuple[str, ...]:
        """The id of the failed record that this one stands in for, if any."""
        former = self._again.pop(work_name(kind, cell_id, search, outcome.seed), None)
        return (former,) if former else ()


def configuration(method: str, variant: str, student: str | None, flat: Mapping[str, Any]) -> Configuration:
    """From the flat keys of a search space (`method.alpha`, `student.lr`) to what the engine takes."""
    parts: dict[str, dict[str, Any]] = {"method": {}, "student": {}}
    for key, value in flat.items():
        prefix, _, name = key.partition(".")
        parts[prefix][name] = value
    return Configuration(method, variant, parts["method"], student, parts["student"])
