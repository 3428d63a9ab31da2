"""A sweep's side of the cache: what need not be made, what another process makes, and what is kept for others."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from filelock import FileLock, Timeout

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Environment
from graph_distillery.bench.sweeps.cache.folder import CacheFolder, DamagedError, key_of
from graph_distillery.bench.sweeps.cache.keys import Bases
from graph_distillery.bench.sweeps.jobs import Job, Outcome
from graph_distillery.bench.text import count
from graph_distillery.bench.training.artefacts import Artefact

#: Seconds between two looks at what another process makes.
_LOOK_S = 0.2
#: Seconds beyond a job's own limit that another process is waited for: it may be stopped and yet hold its lock.
_PATIENCE_S = 60.0


@dataclass
class _Claim:
    """What this process makes. lock: None where none can be had, in a folder that is only read say."""

    basis: dict[str, Any]
    lock: FileLock | None


class SharedArtefacts:
    """Teachers and artefacts that stores share.

    Whatever is wrong with the cache, the sweep goes on as if there were none, and `tell` takes a line about it.
    """

    def __init__(self, folder: CacheFolder, source: Callable[[str], Artefact], tell: Callable[[str], None]) -> None:
        self.folder = folder
        self._tell, self._bases = tell, Bases(source)
        self._claims: dict[str, _Claim] = {}
        self._waits_since: dict[str, float] = {}
        self._known: dict[str, dict[str, Any] | None] = {}
        self._told: set[str] = set()
        self.taken = {"teacher": 0, "artefact": 0}

    def seek(self, job: Job) -> Outcome | Literal["here", "elsewhere"]:
        """What came of a job that makes a teacher or an artefact, where some sweep has done it.

        Else whether it is to be made here, and then to be settled by `settle`, or is being made by another process and
        is to be asked for again.
        """
        basis = self._basis(job)
        if basis is None:
            return "here"
        found = self._read(job, basis)
        if found is not None:
            return found
        try:
            lock = self._lock(basis)
        except Timeout:
            if not self._is_overdue(job):
                return "elsewhere"
            lock = None
        except (OSError, NotImplementedError) as error:
            self._tell_once(
                f"cache {self.folder.folder}: cannot be locked: {getattr(error, 'strerror', None) or error}"
            )
            lock = None
        self._claims[job.key] = _Claim(basis, lock)
        found = self._read(job, basis)  # made between the two looks
        if found is not None:
            self._let_go(job.key)
        return found or "here"

    def settle(self, outcome: Outcome) -> None:
        """Keep what came of a job for other stores, where it was claimed and went well; let go of its claim."""
        claim = self._claims.get(outcome.key)
        if claim is None:
            return
        made = outcome.artefact
        if made is not None and outcome.status == "ok":
            try:
                self.folder.write(claim.basis, _facts(outcome, made), bytes(made.tensors))
            except OSError as error:
                self._tell_once(f"cache {self.folder.folder}: cannot be written: {error.strerror or error}")
        self._let_go(outcome.key)

    def wait(self) -> None:
        """A moment, for what another process makes."""
        time.sleep(_LOOK_S)

    def close(self) -> None:
        """Let go of every claim, and say what was taken."""
        for key in list(self._claims):
            self._let_go(key)
        taken = [count(number, noun) for noun, number in self.taken.items() if number]
        if taken:
            self._tell(f"{' and '.join(taken)} taken from the cache {self.folder.folder}")

    def _basis(self, job: Job) -> dict[str, Any] | None:
        if job.key not in self._known:
            self._known[job.key] = None
            with suppress(UserError):  # the job itself will say so
                self._known[job.key] = self._bases.of(job)
        return self._known[job.key]

    def _read(self, job: Job, basis: dict[str, Any]) -> Outcome | None:
        try:
            found = self.folder.read(basis)
        except DamagedError as error:
            self._tell_once(f"cache: {error}; it is made anew")
            return None
        if found is None:
            return None
        outcome = replace(_outcome(job, *found), identity=self._bases.identity(job))
        if job.time_limit_s is not None and outcome.train_s > job.time_limit_s:
            return None  # here it may not take so long
        self._waits_since.pop(job.key, None)
        self.taken[job.purpose] += 1
        return outcome

    def _lock(self, basis: dict[str, Any]) -> FileLock:
        lock = self.folder.lock(key_of(basis))
        lock.acquire(timeout=0)
        return lock

    def _is_overdue(self, job: Job) -> bool:
        """Whether another process has been waited for long enough."""
        began = self._waits_since.setdefault(job.key, time.monotonic())
        if job.time_limit_s is None or time.monotonic() - began < job.time_limit_s + _PATIENCE_S:
            self._tell_once(f"waiting for {job.purpose} {job.key}, which another sweep makes")
            return False
        self._tell_once(f"{job.purpose} {job.key} is made here too: another sweep has been at it for too long")
        return True

    def _let_go(self, key: str) -> None:
        claim = self._claims.pop(key, None)
        self._waits_since.pop(key, None)
        if claim is not None and claim.lock is not None:
            claim.lock.release()

    def _tell_once(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self._tell(line)


def _facts(outcome: Outcome, made: Artefact) -> dict[str, Any]:
    """What a file says besides the tensors: the artefact's own facts, and what a record tells of its making."""
    where = outcome.environment
    return {
        "facts": dict(made.facts),
        "validation": dict(outcome.validation),
        "epochs": outcome.epochs,
        "train_s": outcome.train_s,
        "environment": None if where is None else where.model_dump(mode="json"),
    }


def _outcome(job: Job, facts: dict[str, Any], tensors: bytes) -> Outcome:
    """What came of the job when it was done; its clocks and its machine are those of then."""
    where = facts["environment"]
    return Outcome(
        job.key,
        job.seeds[0],
        "ok",
        validation=facts["validation"],
        epochs=facts["epochs"],
        train_s=facts["train_s"],
        artefact=Artefact(job.key, tensors, facts["facts"]),
        environment=None if where is None else Environment.model_validate_json(json.dumps(where)),
    )
