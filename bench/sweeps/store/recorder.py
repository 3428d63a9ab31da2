"""Turns what came of a job into the record that the store keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from graph_distillery.bench.data.sealing import seen_in_tuning
from graph_distillery.bench.environment import ENGINE, environment, git_sha, suite_version
from graph_distillery.bench.ids import content_id
from graph_distillery.bench.records import Cell as CellRecord
from graph_distillery.bench.records import Items, Metrics, Record, Search, Timings
from graph_distillery.bench.records.collapse import collapse_of
from graph_distillery.bench.records.fields import Variant
from graph_distillery.bench.records.identity import teacher_record_id
from graph_distillery.bench.records.predictions import sha256_of
from graph_distillery.bench.sweeps.cell_run import CellRun, JobRequest
from graph_distillery.bench.sweeps.jobs import Outcome
from graph_distillery.bench.sweeps.plan.plan import Cell, DataKey, Plan, TeacherPlan
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.training.problem import Identity, ProblemKey, load_problem, split_dataset


def problem_key(plan: Plan, data: DataKey) -> ProblemKey:
    """The data as a worker loads them."""
    return ProblemKey(data.dataset, data.split, data.setting, plan.data_dir)


class Recorder:
    """Writes nothing: it only says what is to be written."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan, self.store = plan, store
        self._identities: dict[DataKey, Identity] = {}
        self._seen: dict[tuple[DataKey, bool], Mapping[int, float]] = {}

    def identity(self, data: DataKey) -> Identity:
        """What the data behind a column is."""
        if data not in self._identities:
            seed = self.plan.spec.report.seeds[0]
            self._identities[data] = load_problem(problem_key(self.plan, data), seed).identity
        return self._identities[data]

    def search(self, run: CellRun, work: JobRequest) -> Search:
        """How the configuration of a piece of work was found."""
        search = self.plan.spec.search
        return Search(
            space=run.cell.space.identity(),
            sampler=search.sampler,
            pruner=search.pruner,
            trials=run.budget,
            budget=f"{run.budget} trials x {len(search.seeds)} seeds",
            trial=work.trial,
            selection=work.selection,
        )

    def teacher(
        self,
        teacher: TeacherPlan,
        outcome: Outcome,
        hparams: Mapping[str, Any],
        supersedes: tuple[str, ...],
        method: str = "supervised",
        cell_id: str | None = None,
        derived_from: str | None = None,
    ) -> Record:
        """The record of a trained teacher, whose artefact's id is the job's key.

        method, cell_id, derived_from: of one that was made anew from another.
        """
        cell = self._cell(teacher.data, cell_id or teacher.id, outcome, None, outcome.key, teacher.model, method)
        tuned = True if teacher.search is not None else None
        cell = cell.model_copy(update={"derived_from": derived_from, "teacher_tuned": tuned})
        record_id = teacher_record_id(outcome.key)
        return self._record("teacher", record_id, supersedes, cell, hparams, None, outcome)

    def work(
        self,
        run: CellRun,
        work: JobRequest,
        outcome: Outcome,
        search: Search,
        supersedes: tuple[str, ...],
        taught_by: Sequence[Record],
        teacher_s: float | None,
    ) -> Record:
        """The record of one seed of a trial, a report run or a speed measurement; taught_by: its teachers' records."""
        cell = run.cell
        student = cell.student or cell.teacher or "none"  # the teacher's own row
        ids = tuple(record.cell.teacher_id or "" for record in taught_by)
        own_id = None if not ids else ids[0] if len(ids) == 1 else content_id(list(ids))
        found = self._cell(cell.data, cell.id, outcome, cell.teacher, own_id, student, cell.method.name, cell.variant)
        if len(ids) > 1:
            found = found.model_copy(update={"teacher_ids": ids})
        if cell.variant in cell.method.test_selected:
            found = found.model_copy(update={"test_selected": True})
        if any(teacher.search for teacher in cell.teachers):
            found = found.model_copy(update={"teacher_tuned": True})
        if cell.method.trains_on_validation:
            found = found.model_copy(update={"trains_on_validation": True})
        return self._record(
            work.purpose,
            run.record_id(work, outcome.seed),
            supersedes,
            found,
            work.configuration,
            search,
            outcome,
            curve=run.curve_of(work, outcome.seed),
            teacher_s=teacher_s,
            tune_s=_tune_s(run) if work.purpose == "report" else None,
            seen=self.seen_in_tuning(cell)[found.split_seed] if work.purpose == "report" else None,
        )

    def seen_in_tuning(self, cell: Cell) -> Mapping[int, float]:
        """By seed of a report split: the share of its test labels that tuning of cell or teachers has read."""
        tuned = bool(cell.trials) or any(teacher.search for teacher in cell.teachers)
        if (cell.data, tuned) not in self._seen:
            spec, dataset = self.plan.spec, split_dataset(problem_key(self.plan, cell.data))
            seeds = spec.search.split_seeds if tuned else ()
            self._seen[cell.data, tuned] = seen_in_tuning(dataset, cell.data.split, seeds, spec.report.split_seeds)
        return self._seen[cell.data, tuned]

    def repeat(
        self, run: CellRun, work: JobRequest, known: Record, search: Search, supersedes: tuple[str, ...]
    ) -> Record:
        """The record of one seed of a trial that repeats another's configuration: its scores, and no time."""
        changes = {
            "id": self.store.fresh_id(run.record_id(work, known.seed)),
            "supersedes": supersedes or None,
            "created": _now(),
            "suite_version": suite_version(),
            "git_sha": git_sha(),
            "search": search,
            "timings": known.timings.model_copy(update={"train_s": 0.0}),
            "repeats": known.id,
        }
        return known.model_copy(update=changes)

    def taken_over(
        self,
        run: CellRun,
        work: JobRequest,
        known: Record,
        search: Search,
        supersedes: tuple[str, ...],
        repeats: str | None,
    ) -> Record:
        """What was measured once, as the record of other work of the same configuration and seed: scores, clocks and
        environment are those of the run; how the configuration was found is said anew. repeats: the known record's id,
        where that stands beside this one, whose training then took no time."""
        changes: dict[str, Any] = {
            "id": self.store.fresh_id(run.record_id(work, known.seed)),
            "supersedes": supersedes or None,
            "search": search,
            "repeats": repeats,
        }
        if work.purpose == "report":
            took = known.timings.train_s if repeats is None else 0.0
            changes["timings"] = known.timings.model_copy(update={"tune_s": _tune_s(run), "train_s": took})
            changes["seen_in_tuning"] = self.seen_in_tuning(run.cell)[known.cell.split_seed]
        return known.model_copy(update=changes)

    def _cell(
        self,
        data: DataKey,
        cell_id: str,
        outcome: Outcome,
        teacher: str | None,
        teacher_id: str | None,
        student: str,
        method: str,
        variant: Variant = "paper",
    ) -> CellRecord:
        identity, made = self.identity(data), outcome.identity
        counts = made.items if made else None
        return CellRecord(
            id=cell_id,
            dataset=data.dataset,
            dataset_sha256=identity.dataset_sha256,
            node_order_sha256=identity.node_order_sha256,
            split=data.split,
            split_seed=self.plan.spec.runs_of(outcome.seed).split_of(outcome.seed),
            split_sha256=made.split_sha256 if made else None,
            test_sha256=made.test_sha256 if made else None,
            items=Items(train=counts[0], val=counts[1], test=counts[2]) if counts else None,
            setting=data.setting,
            task=identity.task,
            metric=identity.metric,
            teacher=teacher,
            teacher_id=teacher_id,
            student=student,
            method=method,
            variant=variant,
        )

    def _record(
        self,
        kind: Any,
        record_id: str,
        supersedes: tuple[str, ...],
        cell: CellRecord,
        hparams: Mapping[str, Any],
        search: Search | None,
        outcome: Outcome,
        curve: tuple[tuple[int, float], ...] | None = None,
        teacher_s: float | None = None,
        tune_s: float | None = None,
        seen: float | None = None,
    ) -> Record:
        failed = outcome.status not in ("ok", "pruned")
        crossed = kind != "teacher" and self.plan.spec.runs_of(outcome.seed).splits is not None
        # What was timed was trained for one epoch: its scores say nothing.
        scores = {} if kind == "speed" else dict(outcome.validation)
        counted = outcome.status == "ok" and kind != "speed" and cell.method != "majority"
        told = collapse_of(cell.metric, outcome.test or scores) if counted else None
        return Record(
            kind=kind,
            id=self.store.fresh_id(record_id),
            supersedes=tuple(dict.fromkeys(supersedes)) or None,
            seen_in_tuning=seen,
            store_id=self.store.id,
            created=_now(),
            suite_version=suite_version(),
            git_sha=git_sha(),
            engine=ENGINE,
            cell=cell,
            hparams=dict(hparams),
            search=search,
            seed=outcome.seed,
            init_seed=outcome.seed if crossed else None,
            teacher_seed=cell.split_seed if crossed and cell.teacher is not None else None,
            metrics=Metrics(val=scores, test=dict(outcome.test) if outcome.test else None),
            curve=curve,
            timings=Timings(train_s=outcome.train_s, epochs=outcome.epochs, teacher_s=teacher_s, tune_s=tune_s),
            speed=outcome.speed,
            predictions_sha256=sha256_of(outcome.predictions) if outcome.predictions is not None else None,
            status=outcome.status,
            collapsed="one-class" if counted and outcome.one_class else told,
            error=(outcome.error or "no message") if failed else None,
            environment=outcome.environment or environment(),  # of a lost worker only the driver's is known
        )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _tune_s(run: CellRun) -> float:
    """Seconds that a cell's trials trained for."""
    return sum(record.timings.train_s for seeds in run.trials.values() for record in seeds.values())
