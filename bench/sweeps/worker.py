"""What happens where a job runs: in this process, in a worker process, or on a node of a cluster."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch

from graph_distillery.bench.environment import environment
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Speed
from graph_distillery.bench.students.packing import CannotBeSaved, pack_student
from graph_distillery.bench.sweeps.jobs import EpochReport, Job, Outcome, Status, undefined_score
from graph_distillery.bench.training import problem as problems_here
from graph_distillery.bench.training.allocator import keep_freed_memory
from graph_distillery.bench.training.artefacts import Artefact
from graph_distillery.bench.training.clock import TimeLimitExceeded
from graph_distillery.bench.training.engine import EpochScore, Trained
from graph_distillery.bench.training.fused.seeds import train_seeds
from graph_distillery.bench.training.judging import all_alike, judge_and_predict
from graph_distillery.bench.training.precomputed import (
    make_artefact,
    sealed_with_artefacts,
    settings_of,
    with_artefacts,
)
from graph_distillery.bench.training.predictions import pack_predictions
from graph_distillery.bench.training.problem import Identity, Problem, ProblemKey, ProblemSource
from graph_distillery.bench.training.speed import measure_rounds, measure_speed
from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher
from graph_distillery.methods.contract import Method, Teacher
from graph_distillery.methods.contract.optimiser import FusedAdam
from graph_distillery.methods.tasks.metrics import METRICS

Fetch = Callable[[str], Artefact]

#: Unpacked teachers, and problems with artefacts, that a worker keeps; those of one cell's tuning and report seeds fit,
#: of three teachers at once too.
TEACHERS_KEPT = 48
#: How often each network runs in a round.
_A_ROUND = 10


def warm_up() -> None:
    """Have done what torch does only in the first step of all, which is no part of any training."""
    weight = torch.zeros(1, requires_grad=True)
    weight.sum().backward()
    FusedAdam([weight], 0.1).step()


class Worker:
    """Holds datasets, teachers and other artefacts between jobs.

    fetch: brings an artefact by its id. problems: where data come from; None: this machine's.
    """

    def __init__(self, fetch: Fetch, problems: ProblemSource | None = None) -> None:
        keep_freed_memory()
        self.fetch = fetch
        self._problems = problems or problems_here.HERE
        self._teacher = lru_cache(maxsize=TEACHERS_KEPT)(self._unpack)
        self._carrying = lru_cache(maxsize=TEACHERS_KEPT)(self._with_artefacts)
        self._kept: dict[str, tuple[Method[Any], Problem]] | None = None
        torch.set_num_threads(1)

    def run(self, job: Job) -> Iterator[EpochReport | Outcome]:
        """An outcome per seed, as they end, and the progress on the way where the job asks for it.

        A seed that fails ends the job; closing the iterator stops it.
        """
        if job.rounds:
            yield self._in_turn(job)
            return
        problems: dict[int, Problem] = {}

        def problem_of(seed: int) -> Problem:
            own = tuple(job.artefacts.get(seed, {}).items())
            where = (job.problem, job.split_of(seed), job.device)
            problem = self._carrying(*where, own) if own else self._problems.problem(*where)
            problems[seed] = problem if problem.seed == seed else replace(problem, seed=seed)
            return problems[seed]

        def teachers_of(seed: int) -> tuple[Teacher, ...]:
            ids = job.teachers.get(seed, ())
            return tuple(self._teacher(teacher_id, job.problem, job.split_of(seed), job.device) for teacher_id in ids)

        left = list(job.seeds)
        try:
            if job.purpose == "artefact":
                for seed in job.seeds:
                    yield self._made(job, seed)
                    left.remove(seed)
                return
            limit, every = job.time_limit_s, job.report_every
            for event in train_seeds(
                job.configuration, job.seeds, problem_of, teachers_of, limit, report_every=every, fused=job.fused
            ):
                if isinstance(event, EpochScore):
                    yield _progress(job, event, problems[event.seed].identity)
                else:
                    yield self._outcome(job, event)
                    left.remove(event.seed)
        except (Exception, SystemExit) as error:  # a method that exits ends its trial, not the sweep
            yield _failure(job, left[0], error, problems[left[0]].identity if left[0] in problems else None)

    def _unpack(self, teacher_id: str, key: ProblemKey, seed: int, device: str) -> Teacher:
        return unpack_teacher(self.fetch(teacher_id), self._problems.problem(key, seed, device))

    def _with_artefacts(self, key: ProblemKey, seed: int, device: str, own: tuple[tuple[str, str], ...]) -> Problem:
        bare = self._problems.problem(key, seed, device)
        return with_artefacts(bare, {name: self.fetch(made_id) for name, made_id in own})

    def _made(self, job: Job, seed: int) -> Outcome:
        """What came of the making of an artefact."""
        ((name, made_id),) = job.artefacts[seed].items()
        bare = self._problems.problem(job.problem, seed, job.device)
        artefact = make_artefact(name, made_id, bare, settings_of(name, job.configuration))
        where = environment(job.device)
        return Outcome(job.key, seed, "ok", identity=bare.identity, artefact=artefact, environment=where)

    def _outcome(self, job: Job, trained: Trained) -> Outcome:
        made_for = trained.problem
        test, predictions, alike = None, None, False
        if job.purpose == "report":
            split = job.split_of(trained.seed)
            bare = self._problems.problem(job.problem, split, job.device)
            sealed = self._problems.test_set(job.problem, split, job.device)
            sealed = sealed_with_artefacts(sealed, bare, made_for)
            test, logits = judge_and_predict(trained.method, made_for, sealed)
            task, metric = made_for.training.task, made_for.identity.metric
            alike = METRICS.get(metric).of_labels and all_alike(logits, sealed)
            predictions = pack_predictions(task, metric, sealed, logits, job.predictions, trained.method.judged_by)
        if (why := undefined_score(trained.validation, test)) is not None:
            raise FloatingPointError(why)
        artefact = None
        if job.purpose == "teacher":
            artefact = pack_teacher(job.key, trained, job.configuration)
        student, unsaved = _student(job, trained)
        return Outcome(
            job.key,
            trained.seed,
            "ok",
            validation=trained.validation,
            test=test,
            epochs=trained.epochs,
            train_s=trained.train_s,
            identity=made_for.identity,
            artefact=artefact,
            speed=self._speed(job, trained),
            environment=environment(job.device),
            predictions=predictions,
            student=student,
            unsaved=unsaved,
            one_class=alike,
        )

    def _in_turn(self, job: Job) -> Outcome:
        """Train what each of the jobs times, and then time them in turn; those that fail are left out of it."""
        kept: dict[str, tuple[Method[Any], Problem]] = {}
        self._kept = kept
        jobs = (replace(job, together=(), rounds=0), *job.together)
        try:
            found = [outcome for each in jobs for outcome in self.run(each) if isinstance(outcome, Outcome)]
        finally:
            self._kept = None
        speeds = dict(zip(kept, _in_turn(list(kept.values()), job.rounds), strict=True))
        for place, outcome in enumerate(found):
            speed = speeds.get(outcome.key)
            if isinstance(speed, Exception):
                found[place] = _failure(jobs[place], outcome.seed, speed, outcome.identity)
            elif speed is not None:
                found[place] = replace(outcome, speed=speed)
        return replace(found[0], others=tuple(found[1:]))

    def _speed(self, job: Job, trained: Trained) -> Speed | None:
        """What inference costs, where the job asks for it and does not wait for its turn."""
        if job.purpose == "speed" and self._kept is not None:
            self._kept[job.key] = (trained.method, trained.problem)
            return None
        if job.purpose == "speed" or (job.timed and trained.seed == job.seeds[0]):
            return measure_speed(trained.method, trained.problem, requests=job.purpose == "speed")
        return None


def _in_turn(rows: Sequence[tuple[Method[Any], Problem]], rounds: int) -> list[Speed | Exception]:
    """Their speeds; where one cannot be timed each is timed alone, so that it is known which."""
    try:
        return [*measure_rounds(rows, rounds * _A_ROUND, rounds)]
    except Exception:
        found: list[Speed | Exception] = []
        for row in rows:
            try:
                found += measure_rounds([row], rounds * _A_ROUND, rounds)
            except Exception as error:
                found.append(error)
        return found


def _student(job: Job, trained: Trained) -> tuple[Artefact | None, str | None]:
    """The trained student where the job asks for it, or why it cannot be taken out."""
    if not job.keeps_student:
        return None, None
    try:
        return pack_student(job.configuration, trained), None
    except CannotBeSaved as why:
        return None, f"{job.configuration.method} {why}"


def _progress(job: Job, so_far: EpochScore, identity: Identity) -> EpochReport:
    seconds, where = so_far.train_s, environment(job.device)
    return EpochReport(job.key, so_far.seed, so_far.epoch, so_far.score, seconds, where, identity)


def _failure(job: Job, seed: int, error: BaseException, identity: Identity | None) -> Outcome:
    return Outcome(
        job.key, seed, _status(error), error=describe(error), identity=identity, environment=environment(job.device)
    )


def _status(error: BaseException) -> Status:
    if isinstance(error, FloatingPointError):
        return "nan"
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "DefaultCPUAllocator" in str(error):
        return "oom"
    if isinstance(error, TimeLimitExceeded):
        return "timeout"
    return "failed"


def one_line(text: str) -> str:
    """For records and terminals: no colours, no line breaks, nothing that cannot be printed."""
    plain = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())
    return "".join(letter if letter.isprintable() else "?" for letter in plain)


def describe(error: BaseException) -> str:
    """One line: the kind of error, its message, and where in the code it was raised."""
    message = one_line(str(error))[:500]
    if isinstance(error, UserError):
        return message
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename.rsplit('/', 2)[-1]}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {message}{place}"
