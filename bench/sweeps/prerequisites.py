"""What a piece of work stands on, and has made first: trained teachers, and the artefacts of its method."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from graph_distillery.bench.ids import content_id
from graph_distillery.bench.records import Record, RecordError
from graph_distillery.bench.sweeps.jobs import Job, Outcome, configuration
from graph_distillery.bench.sweeps.plan.plan import Cell, DataKey, Plan, TeacherPlan
from graph_distillery.bench.sweeps.store.recorder import Recorder, problem_key
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.training.artefacts import Artefact, ArtefactCache
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.bench.training.precomputed import artefact_id, settings_of

#: The settings of a tuned teacher, once its own search has a winner.
WinnerOf = Callable[[Cell], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Prerequisite:
    """A job that comes before another. teacher: what it trains; None: it makes an artefact of a method."""

    job: Job
    teacher: TeacherPlan | None = None


class Prerequisites:
    """Knows what is made, what failed, and what is still to be made; keeps what comes of it in the store.

    records: those of teachers that stand.
    """

    def __init__(
        self, plan: Plan, store: Store, recorder: Recorder, device: str, winner: WinnerOf, records: Iterable[Record]
    ) -> None:
        self.plan, self.store, self.recorder, self.device = plan, store, recorder, device
        self._winner = winner
        self._trained = {record.cell.teacher_id or "": record for record in records if record.kind == "teacher"}
        self._failed_teachers = {key for key, record in self._trained.items() if record.status != "ok"}
        self._failed_artefacts: dict[str, Outcome] = {}

    # -- teachers ----------------------------------------------------------------------------------------------

    def settled(self, cell: Cell) -> bool:
        """Whether it is known what the cell's teachers are: a tuned one's own search is over and has a winner."""
        return all(self._hparams(teacher) is not None for teacher in cell.teachers)

    def _hparams(self, teacher: TeacherPlan) -> Mapping[str, Any] | None:
        return teacher.defaults if teacher.search is None else self._winner(teacher.search)

    def teachers_of(self, cell: Cell, seed: int) -> tuple[str, ...]:
        """The ids of a cell's teachers, each a hash of what makes it."""
        return tuple(self._teacher_id(teacher, self._split_of(seed)) for teacher in cell.teachers)

    def _split_of(self, seed: int) -> int:
        """The runs of one split share their teachers and artefacts."""
        return self.plan.spec.runs_of(seed).split_of(seed)

    def _teacher_id(self, teacher: TeacherPlan, seed: int) -> str:
        return content_id([teacher.id, dict(self._hparams(teacher) or {}), seed])

    def failed(self, cell: Cell, seeds: Iterable[int]) -> bool:
        """Whether a teacher of these seeds failed, as far as it is known what they are."""
        known = [teacher for teacher in cell.teachers if self._hparams(teacher) is not None]
        splits = map(self._split_of, seeds)
        return any(self._teacher_id(each, split) in self._failed_teachers for split, each in product(splits, known))

    def records_of(self, cell: Cell, seed: int) -> list[Record]:
        """The records of a cell's teachers."""
        return [self._trained[teacher_id] for teacher_id in self.teachers_of(cell, seed)]

    # -- artefacts ---------------------------------------------------------------------------------------------

    def artefacts_of(self, cell: Cell, made: Configuration, seed: int) -> dict[str, str]:
        """The ids of what a cell's method needs under a configuration, by the artefact's name."""
        found = {}
        for name in cell.method.artefacts:
            identity = self.recorder.identity(cell.data)
            data = (identity.dataset_sha256, identity.node_order_sha256)
            key, split = problem_key(self.plan, cell.data), self._split_of(seed)
            found[name] = artefact_id(name, settings_of(name, made), key, split, data)
        return found

    def failure(self, job: Job) -> Outcome | None:
        """What comes of a job whose artefact could not be made."""
        for seed, own in job.artefacts.items():
            for made_id in own.values():
                if (failed := self._failed_artefacts.get(made_id)) is not None:
                    return Outcome(job.key, seed, failed.status, error=failed.error, environment=failed.environment)
        return None

    # -- what is to be made, and what came of it ----------------------------------------------------------------

    def missing(
        self, cell: Cell, made: Configuration, seeds: tuple[int, ...], under_way: Container[str]
    ) -> list[Prerequisite] | None:
        """What these seeds lack and nobody makes yet; None where there is but to wait, or a teacher has failed."""
        lacking, waits = [], False
        splits = tuple(dict.fromkeys(map(self._split_of, seeds)))
        for seed, teacher in product(splits, cell.teachers):
            teacher_id = self._teacher_id(teacher, seed)
            if teacher_id in self._failed_teachers:
                return None
            if teacher_id in self._trained and self.store.artefacts.teachers.has(teacher_id):
                continue
            waits |= teacher_id in under_way
            if teacher_id not in under_way:
                lacking.append(Prerequisite(self._teacher_job(teacher, teacher_id, seed), teacher))
        for seed in seeds if cell.method.artefacts else ():
            for name, made_id in self.artefacts_of(cell, made, seed).items():
                if made_id in self._failed_artefacts or self.store.artefacts.others.has(made_id):
                    continue
                waits |= made_id in under_way
                if made_id not in under_way:
                    lacking.append(
                        Prerequisite(self._artefact_job(cell.data, made, self._split_of(seed), name, made_id))
                    )
        return lacking or (None if waits else [])

    def _teacher_job(self, teacher: TeacherPlan, teacher_id: str, seed: int) -> Job:
        hparams = self._hparams(teacher) or {}
        return Job(
            key=teacher_id,
            purpose="teacher",
            configuration=configuration("supervised", "paper", teacher.model, hparams),
            problem=problem_key(self.plan, teacher.data),
            seeds=(seed,),
            time_limit_s=self.plan.spec.resources.time_limit("supervised"),
            needs=self.plan.spec.resources.of("supervised"),
            device=self.device,
        )

    def _artefact_job(self, data: DataKey, made: Configuration, seed: int, name: str, made_id: str) -> Job:
        return Job(
            key=made_id,
            purpose="artefact",
            configuration=made,
            problem=problem_key(self.plan, data),
            seeds=(seed,),
            artefacts={seed: {name: made_id}},
            time_limit_s=self.plan.spec.resources.time_limit(made.method),
            needs=self.plan.spec.resources.of(made.method),
            device=self.device,
        )

    def accept_artefact(self, outcome: Outcome) -> None:
        """Keep an artefact, or that it could not be made; raises RecordError."""
        if outcome.artefact is None:
            self._failed_artefacts[outcome.key] = outcome
        else:
            _save(self.store.artefacts.others, outcome.artefact)

    def accept_teacher(
        self, teacher: TeacherPlan, outcome: Outcome, former: Callable[[], tuple[str, ...]]
    ) -> Record | None:
        """Keep a teacher, and its record unless there is one already: its folder was lost and is back.

        former: the ids of records that a first record of it stands in for. Raises RecordError.
        """
        if outcome.artefact is not None:
            _save(self.store.artefacts.teachers, outcome.artefact)
        if outcome.status != "ok":
            self._failed_teachers.add(outcome.key)
        known = self._trained.get(outcome.key)
        if known is not None and outcome.status == "ok":
            return None
        supersedes = former() if known is None else (known.id,)
        record = self.recorder.teacher(teacher, outcome, self._hparams(teacher) or {}, supersedes)
        self._trained[outcome.key] = record
        self.store.append(record)
        return record


def _save(cache: ArtefactCache, artefact: Artefact) -> None:
    try:
        cache.save(artefact)
    except OSError as error:
        raise RecordError(f"{cache.folder}: cannot save a {cache.noun}: {error.strerror or error}") from None
