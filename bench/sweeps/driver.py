"""The driver: decides what runs next, keeps the executor busy, and alone writes to the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from graph_distillery.bench.ids import content_id
from graph_distillery.bench.records import Record, Search
from graph_distillery.bench.sweeps.cell_run import CellRun, JobRequest
from graph_distillery.bench.sweeps.executors import Executor
from graph_distillery.bench.sweeps.jobs import EpochReport, Job, Outcome, configuration, finite
from graph_distillery.bench.sweeps.plan.plan import Cell, Plan
from graph_distillery.bench.sweeps.prerequisites import Prerequisite, Prerequisites
from graph_distillery.bench.sweeps.store.announcements import Announcements
from graph_distillery.bench.sweeps.store.pace import Pace
from graph_distillery.bench.sweeps.store.recorder import Recorder, problem_key
from graph_distillery.bench.sweeps.store.retries import failures, settled, work_name
from graph_distillery.bench.sweeps.store.runs import Runs, run_of
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.sweeps.store.students import Keeper
from graph_distillery.bench.sweeps.study.warm_starts import Winner, keep_winners, sources_of, warm_starts
from graph_distillery.bench.sweeps.under_way import Owner, UnderWay
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.bench.training.fused.when import is_fused
from graph_distillery.bench.training.problem import ProblemKey
from graph_distillery.bench.training.speed import ROUNDS

if TYPE_CHECKING:
    from graph_distillery.bench.sweeps.cache.shared import SharedArtefacts
    from graph_distillery.bench.sweeps.cost.budget import Allowance
    from graph_distillery.bench.sweeps.trackers.tracking import Tracking

Listener = Callable[[Record], None]


class Driver:
    """Carries a plan out on an executor. Running it again on the same store goes on where it stopped."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        device: str = "cpu",
        retry_failed: bool = False,
        keeper: Keeper | None = None,
        shared: SharedArtefacts | None = None,
        allowance: Allowance | None = None,
    ) -> None:
        """With `retry_failed`, what failed, ran out of memory or out of time is done again, once; settled: searches
        of which it is left as it is. keeper: keeps students, where they are asked for. shared: what stores share.
        allowance: which cells may be worked on, in which order, and for how long; None: all, in the plan's order."""
        self.plan, self.store, self.device = plan, store, device
        self.keeper, self._shared, self._awaits = keeper, shared, False
        self._listeners: list[Listener] = []
        self._watcher: Tracking | None = None
        self.allowance = allowance
        self._again = failures(plan, store.records) if retry_failed else {}
        self.settled = settled(plan, store.records) if retry_failed else frozenset[str]()
        again = frozenset(self._again.values())
        told = {} if retry_failed or keeper else store.held.told  # then each cell is to be looked at
        self.runs = Runs(plan.searches, partial(self._run_of, again), told)
        self._turn = list(self.runs if allowance is None else allowance.cells)
        self._elsewhere = keep_winners(plan.spec, store.path) if plan.spec.search.transfer else []
        teachers = [record for record in store.held.teachers() if record.id not in again]
        self._jobs, self.pace = UnderWay(), Pace()
        self._announcements = Announcements(store, self._listeners)
        self.slots = 0
        self._apart: set[ProblemKey] = set()  # data whose rows are timed one by one, since one took its worker along
        self.recorder = Recorder(plan, store)
        self.prerequisites = Prerequisites(plan, store, self.recorder, device, self._winner, teachers)

    def _run_of(self, again: Collection[str], cell: Cell) -> CellRun:
        fuses = is_fused(self.plan.spec.resources.fused, self.device)
        run = run_of(cell, self.plan.spec, self.store.held.of_cell(cell.id), again, fuses)
        if self.plan.spec.search.transfer:
            run.warm_starts = partial(self._warm_starts, cell, self._elsewhere)
        return run

    def listen(self, listener: Listener) -> None:
        """Be told of each record once it is on the disk."""
        self._listeners.append(listener)

    def watch(self, watcher: Tracking | None) -> None:
        """Tell it of jobs given out, of reports on the way, and of records."""
        self._watcher = watcher

    def finished(self, run: CellRun) -> bool:
        """Whether a cell has all that it should have."""
        if not run.searched or (run.cell.reported and not run.selections()):
            return False
        if run.next_report() is not None or run.next_speed() is not None:
            return False
        return self.keeper is None or self.keeper.next(run) is None

    def is_done(self) -> bool:
        """Whether nothing is left of what may be worked on."""
        return all(map(self.finished, self._looked_at("all")))

    def _looked_at(self, what: Literal["search", "all"]) -> Iterator[CellRun]:
        """The cells in turn, but those of which it is known unseen that their search, or all, is over."""
        return (self.runs[cell_id] for cell_id in self._turn if not self.runs.over(cell_id, what))

    def under_way(self) -> Counter[str]:
        """Jobs under way, by the id of their cell or teacher; may be asked from another thread."""
        return self._jobs.counts()

    def run(self, executor: Executor) -> None:
        """Until nothing is left to do. Where events come faster than the disk takes records, see `Announcements`."""
        while True:
            self.slots = executor.slots  # a cluster grows and shrinks
            while len(self._jobs) < executor.slots and (job := self.next_job()) is not None:
                self._give_out(job)
                executor.submit(job)
            if not self._jobs:
                if self._shared is None or not self._awaits:
                    return
                self._shared.wait()
                continue
            if self._announcements:
                self._announcements.settle(more=executor.ready())
            event = executor.next_event()
            if isinstance(event, EpochReport):
                executor.resume(event.key, self.goes_on(event))
            else:
                self._take_in(*event, more=executor.ready())

    def _give_out(self, job: Job) -> None:
        for each, owner in self._jobs.give_out(job):
            self.pace.begins(each.key)
            if self._watcher is not None and not owner.leaves_no_record:
                self._watcher.begins(each, owner.run, owner.work, owner.teacher)

    # -- what is next ------------------------------------------------------------------------------------------

    def next_job(self) -> Job | None:
        """The next job in turn; speed comes last, one at a time, with nothing beside it."""
        self._awaits = False  # what another process makes
        if self.allowance is not None and self.allowance.is_over:
            return None
        steps = [CellRun.next_search, CellRun.next_report]
        for step in steps if self.keeper is None else [*steps, self.keeper.next]:
            for run in self._looked_at("search" if step is CellRun.next_search else "all"):
                job = self._next_of(run, step)
                if job is not None:
                    return job
        return None if self._jobs or self._awaits else self._next_speeds()

    def _next_speeds(self) -> Job | None:
        """What times the rows of one dataset in turn; a job that they wait for, where there is one."""
        found: list[Job] = []
        for run in self._looked_at("all"):
            while (job := self._next_of(run, CellRun.next_speed)) is not None:
                if job.purpose != "speed":
                    self._jobs.release(found)
                    return job
                found.append(job)
                if job.problem in self._apart:
                    break
            if self._awaits:
                self._jobs.release(found)
                return None
            if found and found[0].problem in self._apart:
                return found[0]
        if not found:
            return None
        first, *others = [job for job in found if (job.problem, job.needs) == (found[0].problem, found[0].needs)]
        self._jobs.release([job for job in found if job is not first and job not in others])
        return first.in_turn_with(others, ROUNDS) if others else first

    def _next_of(self, run: CellRun, step: Callable[[CellRun], JobRequest | None]) -> Job | None:
        """A cell's next job, or one that it waits for: a teacher's, an artefact's; None when it can only wait."""
        while self.prerequisites.settled(run.cell) and (work := step(run)) is not None:
            if work.repeats is not None:
                self._repeat(run, work, work.repeats)
                continue
            if (known := run.result_of(work)) is not None:
                self._take_over(run, work, known)
                continue
            made = self._configuration(run.cell, work)
            missing = self.prerequisites.missing(run.cell, made, work.seeds, self._jobs)
            if missing is None:
                return None
            if missing:
                job, is_taken = self._first_of(missing)
                if is_taken:
                    continue
                return job
            job = self._jobs.begin(self._job(run, work, made), Owner(None, run, work))
            run.take_up(work)
            if (failed := self.prerequisites.failure(job)) is None:
                return job
            if self._watcher is not None and work.student_of is None:
                self._watcher.begins(job, run, work, None)
            self.accept(failed, ended=True)
        return None

    def _first_of(self, missing: Sequence[Prerequisite]) -> tuple[Job | None, bool]:
        """What makes the first of them that is not made by another process; and whether it was taken from the cache,
        so that there is nothing to make. None where there is but to wait."""
        for each in missing:
            found = "here" if self._shared is None else self._shared.seek(each.job)
            if found == "elsewhere":
                self._awaits = True
                continue
            job = self._jobs.begin(each.job, Owner(each.teacher))
            if not isinstance(found, Outcome):
                return job, False
            self._give_out(job)
            self.accept(found, ended=True)
            return None, True
        return None, False

    def _winner(self, search: Cell) -> Mapping[str, Any] | None:
        run = self.runs[search.id]
        winner = run.locked() if run.searched else None
        return winner.configuration if winner else None

    def _configuration(self, cell: Cell, work: JobRequest) -> Configuration:
        made = configuration(cell.method.name, cell.variant, cell.student, work.configuration)
        if work.purpose == "speed" and cell.student:  # how long a forward takes does not hang on the weights
            return replace(made, student_hyper={**made.student_hyper, "epochs": 1})
        return made

    def _split_of(self, seed: int) -> int:
        return self.plan.spec.runs_of(seed).split_of(seed)

    def _job(self, run: CellRun, work: JobRequest, made: Configuration) -> Job:
        cell = run.cell
        needs = self.prerequisites
        teachers = {seed: needs.teachers_of(cell, made, seed) for seed in work.seeds} if cell.teachers else {}
        own = {seed: needs.artefacts_of(cell, made, seed) for seed in work.seeds} if cell.method.artefacts else {}
        return Job(
            key=content_id([work.student_of]) if work.student_of else run.record_id(work, work.seeds[0]),
            purpose=work.purpose,
            configuration=made,
            problem=problem_key(self.plan, cell.data),
            seeds=work.seeds,
            teachers=teachers,
            artefacts=own,
            time_limit_s=self.plan.spec.resources.time_limit(cell.method.name),
            needs=self.plan.spec.resources.of(cell.method.name),
            device=self.device,
            report_every=work.report_every,
            fused=run.fuses and len(work.seeds) > 1,
            timed=work.purpose == "trial" and "latency" in self.plan.spec.search.objectives,
            predictions=self.plan.spec.report.predictions if work.purpose == "report" else "none",
            keeps_student=self.keeper is not None and (work.student_of is not None or self.keeper.keeps(run, work)),
            splits={seed: split for seed in work.seeds if (split := self._split_of(seed)) != seed},
        )

    def _warm_starts(self, cell: Cell, elsewhere: Sequence[Winner]) -> list[dict[str, Any]] | None:
        """What won on the datasets before; None until all searches there are over that can be."""
        if all(run.searched or self._stuck(run) for run in sources_of(cell, self.runs)):
            return warm_starts(cell, self.runs, elsewhere)
        return None

    def _stuck(self, run: CellRun) -> bool:
        """Whether a search can never end, since a teacher has no winner of its own search, or failed on a seed."""
        searches = [teacher.search for teacher in run.cell.teachers if teacher.search is not None]
        if any(self.runs[search.id].searched and self._winner(search) is None for search in searches):
            return True
        return self.prerequisites.failed(run.cell, run.study.seeds)

    def timing_jobs(self, run: CellRun) -> Iterator[Job]:
        """What times a finished cell's shown configuration once more, each job to be accepted before the next: what it
        stands on and the store lacks, then the measurement; none where that cannot be made."""
        selection, values = list(run.selections().items())[-1]
        work = JobRequest("speed", values, (self.plan.spec.report.seeds[0],), selection=selection)
        made = self._configuration(run.cell, work)
        while missing := self.prerequisites.missing(run.cell, made, work.seeds, self._jobs):
            yield self._jobs.begin(missing[0].job, Owner(missing[0].teacher))
        if missing is None:
            return
        yield self._jobs.begin(self._job(run, work, made), Owner(None, run, work))

    # -- what came of it ---------------------------------------------------------------------------------------

    def goes_on(self, progress: EpochReport) -> bool:
        """Whether a trial that has reported goes on; one that does not is recorded as pruned here."""
        owner = self._jobs[progress.key]
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
        """Record an outcome; after this it is on the disk, and all that came before it."""
        self._take_in(outcome, ended, more=False)

    def _take_in(self, outcome: Outcome, ended: bool, more: bool) -> None:
        """more: another outcome has come already, so that both may be synced at once."""
        if (group := self._jobs.group(outcome.key)) is not None and not outcome.others:
            self._apart.add(group.problem)  # lost with its worker: timed one by one, it shows whose fault that was
            self._jobs.part(outcome.key)
            self._jobs.release([group, *group.together])
            return
        for other in outcome.others:
            self.accept(other, ended=True)
        self._jobs.part(outcome.key)
        outcome = finite(replace(outcome, others=()))
        owner = self._jobs[outcome.key]
        record = None
        if owner.run is not None:
            record = self._accept_work(owner.run, owner, outcome)
        elif owner.teacher is not None:
            former = partial(self._former, kind="teacher", search=None, outcome=outcome)
            record = self.prerequisites.accept_teacher(owner.teacher, outcome, former)
        else:
            self.prerequisites.accept_artefact(outcome)
        if owner.run is None and self._shared is not None:
            self._shared.settle(outcome)
        self.pace.brings(outcome.key, outcome.train_s, ended)
        if record is not None:  # listeners are told while the job that brought it is under way, unless more wait
            self._announcements.add(record, more=more and self._watcher is None)
        if self._watcher is not None and not owner.leaves_no_record:
            self._watcher.records(record, outcome.key, owner.run, owner.work)
        if ended:
            self._jobs.end(outcome.key)

    def _accept_work(self, run: CellRun, owner: Owner, outcome: Outcome) -> Record | None:
        """The record that was written; None of a run that was trained again for its student."""
        work, cell = owner.work, run.cell
        assert work is not None
        if work.student_of is not None and self.keeper is not None:
            known = next(each for each in run.reports.values() if each.id == work.student_of)
            self.keeper.accept(run, known, outcome)
            return None
        status: Any = outcome.status
        if work.purpose == "trial" and status == "ok":
            score = outcome.validation[self.recorder.identity(cell.data).metric]
            status = "pruned" if run.prunes(work, outcome.seed, score) else "ok"
        search, made = self.recorder.search(run, work), self._configuration(cell, work)
        former = self._former(cell.id, work.purpose, search, outcome)
        record = self.recorder.work(
            run,
            work,
            replace(outcome, status=status),
            search,
            former + run.stale(work, outcome.seed),
            self.prerequisites.records_of(cell, made, outcome.seed),
            self.prerequisites.seconds_of(cell, made, outcome.seed),
        )
        kept = self.keeper is not None and self.keeper.keeps(run, work)
        self.store.append(record, outcome.predictions, sync=kept)
        run.drop(record.supersedes or ())
        run.take([record])
        if self.keeper is not None and kept:
            self.keeper.accept(run, record, outcome)
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
            self._announcements.add(record)

    def _take_over(self, run: CellRun, work: JobRequest, known: Record) -> None:
        """Record for a selection what the same configuration and seed gave under another, or out of fewer trials."""
        search = self.recorder.search(run, work)
        former = self._again.pop(work_name(work.purpose, run.cell.id, search, known.seed), None)
        # What stands is repeated and stays; anything else goes over to this selection.
        beside = run.stands(known)
        gone = [id_ for id_ in (former, None if beside else known.id) if id_ is not None]
        replaced = tuple(dict.fromkeys((*gone, *run.stale(work, known.seed))))
        record = self.recorder.taken_over(run, work, known, search, replaced, known.id if beside else None)
        self.store.append(record)
        run.drop(replaced)
        run.take([record])
        self._announcements.add(record)

    def _former(self, cell_id: str, kind: str, search: Search | None, outcome: Outcome) -> tuple[str, ...]:
        """The id of the failed record that this one stands in for, if any."""
        former = self._again.pop(work_name(kind, cell_id, search, outcome.seed), None)
        return (former,) if former else ()
