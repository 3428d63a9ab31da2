"""What a piece of work stands on, and has made first: trained teachers, and the artefacts of its method."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from graph_distillery.bench.ids import content_id
from graph_distillery.bench.records import Record, RecordError
from graph_distillery.bench.sweeps.jobs import Job, Outcome, Status, configuration
from graph_distillery.bench.sweeps.plan.plan import Cell, DataKey, Plan, TeacherPlan
from graph_distillery.bench.sweeps.store.recorder import Recorder, problem_key
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.training.artefacts import Artefact, ArtefactCache
from graph_distillery.bench.training.engine import Configuration, parse_hyperparameters
from graph_distillery.bench.training.precomputed import artefact_id, settings_of
from graph_distillery.methods import METHODS, MethodInfo

#: How a method's hyperparameters open that are those of what makes its teacher anew.
_OF_TEACHER = "teacher_"
#: The settings of a tuned teacher, once its own search has a winner.
WinnerOf = Callable[[Cell], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Derivation:
    """How a method has its teachers made anew: by which method, under which settings of that one."""

    method: str
    settings: Mapping[str, Any]

    def id_from(self, source: str) -> str:
        """The id of the teacher made of the one with the id given."""
        return content_id([source, self.method, dict(self.settings)])

    def of(self, model: str, hparams: Mapping[str, Any]) -> Configuration:
        """What makes it: the teacher's own model, trained under the teacher's own settings."""
        made = configuration("supervised", "paper", model, hparams)
        return Configuration(self.method, "paper", self.settings, model, made.student_hyper)


def derivation(info: MethodInfo, made: Configuration) -> Derivation | None:
    """What a method under a configuration asks of its teachers; None where it takes them as they are."""
    if info.derived_teacher is None:
        return None
    hyper = parse_hyperparameters(METHODS.load(info.name), info.name, made.method_hyper)
    prefixed = {name: value for name, value in hyper.model_dump(mode="json").items() if name.startswith(_OF_TEACHER)}
    return Derivation(info.derived_teacher, {name.removeprefix(_OF_TEACHER): prefixed[name] for name in prefixed})


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
        self._derivations: dict[str, tuple[Derivation, str]] = {}
        self._failed_artefacts: dict[str, Outcome] = {}

    # -- teachers ----------------------------------------------------------------------------------------------

    def settled(self, cell: Cell) -> bool:
        """Whether it is known what the cell's teachers are: a tuned one's own search is over and has a winner."""
        return all(self._hparams(teacher) is not None for teacher in cell.teachers)

    def _hparams(self, teacher: TeacherPlan) -> Mapping[str, Any] | None:
        return teacher.defaults if teacher.search is None else self._winner(teacher.search)

    def teachers_of(self, cell: Cell, made: Configuration, seed: int) -> tuple[str, ...]:
        """The ids of a cell's teachers, each a hash of what makes it; of its own making of them where it has one."""
        ids = [self._teacher_id(teacher, self._split_of(seed)) for teacher in cell.teachers]
        derived = derivation(cell.method, made)
        return tuple(derived.id_from(source) for source in ids) if derived else tuple(ids)

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

    def records_of(self, cell: Cell, made: Configuration, seed: int) -> list[Record]:
        """The records of a cell's teachers; of those that failed there may be none."""
        return [self._trained[each] for each in self.teachers_of(cell, made, seed) if each in self._trained]

    def seconds_of(self, cell: Cell, made: Configuration, seed: int) -> float | None:
        """What the teachers' training took, that of the ones they were made from too."""
        sources = {self._teacher_id(teacher, self._split_of(seed)) for teacher in cell.teachers}
        every = sources.union(self.teachers_of(cell, made, seed)) & self._trained.keys()
        return sum(self._trained[each].timings.train_s for each in every) if every else None

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
        """What comes of a job whose artefact, or whose teacher made anew, could not be made."""
        for seed in job.seeds:
            for made_id in (*job.artefacts.get(seed, {}).values(), *job.teachers.get(seed, ())):
                if (failed := self._failed_artefacts.get(made_id)) is not None:
                    return Outcome(job.key, seed, failed.status, error=failed.error, environment=failed.environment)
                if made_id in self._failed_teachers:
                    of = self._trained[made_id]
                    return Outcome(job.key, seed, _failed(of), error=of.error, environment=of.environment)
        return None

    # -- what is to be made, and what came of it ----------------------------------------------------------------

    def missing(
        self, cell: Cell, made: Configuration, seeds: tuple[int, ...], under_way: Container[str]
    ) -> list[Prerequisite] | None:
        """What these seeds lack and nobody makes yet; None where there is but to wait, or a teacher has failed."""
        lacking, waits = [], False
        splits = tuple(dict.fromkeys(map(self._split_of, seeds)))
        derived = derivation(cell.method, made)
        for seed, teacher in product(splits, cell.teachers):
            source = self._teacher_id(teacher, seed)
            if source in self._failed_teachers:
                return None
            if not self._is_there(source):
                job = self._teacher_job(teacher, source, seed)
            elif derived is not None and self._is_lacking(derived.id_from(source)):
                job = self._derived_job(derived, teacher, source, seed)
            else:
                continue
            waits |= job.key in under_way
            if job.key not in under_way:
                lacking.append(Prerequisite(job, teacher))
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

    def _is_there(self, teacher_id: str) -> bool:
        return teacher_id in self._trained and self.store.artefacts.teachers.has(teacher_id)

    def _is_lacking(self, derived_id: str) -> bool:
        """A teacher made anew that failed is not made again: the work that asks for it fails with it."""
        return derived_id not in self._failed_teachers and not self._is_there(derived_id)

    def _derived_job(self, derived: Derivation, teacher: TeacherPlan, source: str, seed: int) -> Job:
        key, resources = derived.id_from(source), self.plan.spec.resources
        self._derivations[key] = derived, source
        return Job(
            key=key,
            purpose="teacher",
            configuration=derived.of(teacher.model, self._hparams(teacher) or {}),
            problem=problem_key(self.plan, teacher.data),
            seeds=(seed,),
            teachers={seed: (source,)},
            time_limit_s=resources.time_limit(derived.method),
            needs=resources.of(derived.method),
            device=self.device,
        )

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
        self, teacher: TeacherPlan, outcome: Outcome, former: Callable[[str], tuple[str, ...]]
    ) -> Record | None:
        """Keep a teacher, and its record unless there is one already: its folder was lost and is back.

        former: the ids of records that a first record of a cell of this id stands in for. Raises RecordError.
        """
        if outcome.artefact is not None:
            _save(self.store.artefacts.teachers, outcome.artefact)
        if outcome.status != "ok":
            self._failed_teachers.add(outcome.key)
        known = self._trained.get(outcome.key)
        if known is not None and outcome.status == "ok":
            return None
        hparams, how = dict(self._hparams(teacher) or {}), {}
        if outcome.key in self._derivations:
            derived, source = self._derivations[outcome.key]
            hparams |= {f"method.{name}": value for name, value in derived.settings.items()}
            how = {"method": derived.method, "cell_id": derived.id_from(teacher.id), "derived_from": source}
        supersedes = former(how.get("cell_id", teacher.id)) if known is None else (known.id,)
        record = self.recorder.teacher(teacher, outcome, hparams, supersedes, **how)
        self._trained[outcome.key] = record
        self.store.append(record)
        return record


def _failed(record: Record) -> Status:
    """A teacher is not pruned; its status is that of what did not work."""
    return "failed" if record.status == "pruned" else record.status


def _save(cache: ArtefactCache, artefact: Artefact) -> None:
    try:
        cache.save(artefact)
    except OSError as error:
        raise RecordError(f"{cache.folder}: cannot save a {cache.noun}: {error.strerror or error}") from None
