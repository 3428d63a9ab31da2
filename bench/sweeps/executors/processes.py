"""N worker processes on this machine, alive for the whole sweep, one job each at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import MappingProxyType
from typing import Any

from graph_distillery.bench.sweeps.executors.memory import limited
from graph_distillery.bench.sweeps.jobs import EpochReport, Job, Outcome

#: Seconds beyond its limit after which a job that does not stop itself is killed with its worker.
GRACE_S = 30.0
#: One thread per training process: more are several times slower on a busy machine.
_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class _Place:
    """A slot: the process that fills it, the pipe to it, and what it is at."""

    process: Any
    pipe: Connection
    job: Job | None = None
    seeds_left: list[int] = field(default_factory=list)
    started: float = 0.0
    deaths: int = 0


class ProcessExecutor:
    """Workers hold datasets, teachers and other artefacts, which they read from the store's folder.

    They are forked from one process that has loaded torch and has no threads, so that a machine full of workers
    loads it once and a lost worker is replaced at once. With a GPU each loads its own: CUDA does not outlive a fork.

    lent: datasets by their names that workers are to have as the driver has read them, each in a file of the cache's
    kind; removed when the executor is closed.
    """

    def __init__(
        self, slots: int, store: Path, device: str = "cpu", lent: Mapping[str, Path] = MappingProxyType({})
    ) -> None:
        self.slots = slots
        self._store, self._lent = store, dict(lent)
        self._context = _context(device)
        self._places = [self._start() for _ in range(slots)]

    def _start(self) -> _Place:
        ours, theirs = self._context.Pipe()
        former = {name: os.environ.get(name) for name in _ONE_THREAD}
        os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))  # read once, where the libraries are loaded
        try:
            # What workers are forked from keeps the environment that it began with.
            arguments = (theirs, self._store, dict(os.environ), self._lent)
            process = self._context.Process(target=_serve, args=arguments, daemon=True)
            process.start()
        finally:
            for name, value in former.items():
                if value is None:
                    os.environ.pop(name)
                else:
                    os.environ[name] = value
        theirs.close()
        return _Place(process, ours)

    def submit(self, job: Job) -> None:
        place = next((place for place in self._places if place.job is None), None)
        if place is None:
            raise RuntimeError(f"all {self.slots} slots are taken")
        if not place.process.is_alive():
            self._replace(place)
        place.deaths = 0
        self._begin(place, job)

    def _begin(self, place: _Place, job: Job) -> None:
        place.job, place.seeds_left, place.started = job, list(job.seeds), time.monotonic()
        with suppress(OSError):  # its worker is just dying, which `next_event` finds
            place.pipe.send(job)

    def next_event(self) -> EpochReport | tuple[Outcome, bool]:
        while True:
            busy = [place for place in self._places if place.job is not None]
            ready = wait([place.pipe for place in busy], timeout=1.0)
            for place in [place for place in busy if place.pipe in ready]:
                found = self._receive(place)
                if found is not None:
                    return found
            for place in busy:
                if self._overdue(place):
                    return self._lost(place, "timeout", "killed: it did not stop at its time limit")

    def ready(self) -> bool:
        return bool(wait([place.pipe for place in self._places if place.job is not None], timeout=0))

    def resume(self, key: str, go_on: bool) -> None:
        place = next(place for place in self._places if place.job is not None and place.job.key == key)
        with suppress(OSError):  # its worker died meanwhile, which `next_event` finds, or the next `submit`
            place.pipe.send(go_on)
        if not go_on:
            place.job = None

    def _receive(self, place: _Place) -> EpochReport | tuple[Outcome, bool] | None:
        try:
            event: EpochReport | Outcome = place.pipe.recv()
        except (EOFError, OSError):
            place.process.join(5)
            return self._died(place)
        if isinstance(event, EpochReport):
            return event
        place.seeds_left.remove(event.seed)
        place.started = time.monotonic()
        ended = not place.seeds_left or event.status != "ok"
        if ended:
            place.job = None
        return event, ended

    def _overdue(self, place: _Place) -> bool:
        limit = place.job.patience_s if place.job else None
        return limit is not None and time.monotonic() - place.started > limit + GRACE_S

    def _died(self, place: _Place) -> tuple[Outcome, bool] | None:
        """The seeds that are left begin again in a new worker, unless that was tried often enough."""
        assert place.job is not None
        place.deaths += 1
        job = replace(place.job, seeds=tuple(place.seeds_left))
        why = f"its worker died with exit code {place.process.exitcode}"
        if place.deaths > job.needs.max_failures:
            return self._lost(place, "failed", why + (f", the last of {place.deaths}" if place.deaths > 1 else ""))
        self._replace(place)
        self._begin(place, job)
        return None

    def _lost(self, place: _Place, status: Any, why: str) -> tuple[Outcome, bool]:
        """The worker is gone or goes now; a new one takes its place."""
        assert place.job is not None
        outcome = Outcome(place.job.key, place.seeds_left[0], status, error=why)
        self._replace(place)
        return outcome, True

    def _replace(self, place: _Place) -> None:
        place.process.kill()
        place.process.join()
        place.pipe.close()
        fresh = self._start()
        place.process, place.pipe, place.job = fresh.process, fresh.pipe, None

    def close(self, *, kill: bool = False) -> None:
        for place in self._places:
            if kill or place.job is not None:
                place.process.kill()
            else:
                place.pipe.close()
        for place in self._places:
            place.process.join(10)
            if place.process.is_alive():
                place.process.kill()
                place.process.join()
        for path in self._lent.values():
            path.unlink(missing_ok=True)


def _context(device: str) -> Any:
    if device != "cpu" or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["graph_distillery.bench.sweeps.worker"])
    return context


def _serve(pipe: Connection, store: Path, environment: dict[str, str], lent: Mapping[str, Path]) -> None:
    """The life of a worker: a job in, progress and outcomes out, until the driver is gone."""
    os.environ.clear()
    os.environ.update(environment)
    for stop in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group, but the driver's to handle
        signal.signal(stop, signal.SIG_IGN)
    threading.Thread(target=_die_with_driver, daemon=True).start()
    from graph_distillery.bench.sweeps.worker import Worker, warm_up
    from graph_distillery.bench.training.artefacts import StoredArtefacts
    from graph_distillery.bench.training.problem import ProblemSource

    warm_up()
    worker = Worker(StoredArtefacts(store).load, ProblemSource(partial(_borrowed, lent)) if lent else None)
    while True:
        try:
            job = pipe.recv()
            for event in limited(worker.run(job), job.needs.memory):
                pipe.send(event)
                if isinstance(event, EpochReport) and not pipe.recv():
                    break
        except (EOFError, OSError):
            return


def _borrowed(lent: Mapping[str, Path], name: str, data_dir: Path | None) -> Any:
    """The dataset as the driver has it, or one of this machine's."""
    from graph_distillery.bench.data import cache
    from graph_distillery.bench.data.loading import load_dataset

    if name not in lent:
        return load_dataset(name, data_dir)
    found = cache.read(lent[name])
    if found is None:
        raise RuntimeError(f"dataset {name!r} is not in {lent[name]}, where the driver left it")
    return found


def _die_with_driver() -> None:
    """A driver that was killed leaves no worker behind, in the middle of a training either."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
