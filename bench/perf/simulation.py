"""The driver alone, at the size of a cluster: many slots, many trials, and no training.

    python -m graph_distillery.bench.perf.simulation --slots 1000 --trials 100000 --length 60

Everything but the training is the suite's own: studies, prerequisites, records, the store and its syncing. Trainings
last as long as a seeded generator says, on a clock of the simulation's own, which goes on while the driver works by
what that took: its processor time and its waiting for the disk. So what it says of slots hangs on how fast this machine
is, and not on what else it is doing.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import math
import os
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil

from graph_distillery.bench.environment import environment
from graph_distillery.bench.ids import content_id
from graph_distillery.bench.records import Record
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.jobs import EpochReport, Job, Outcome
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.store import announcements
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.training.problem import Identity, ProblemKey, load_problem

DATASETS = ("karate", "csbm", "csbm-homophilic", "csbm-heterophilic")
MODELS = ("mlp", "gcn", "sage", "gat", "appnp")
#: Of a lognormal distribution of lengths: a tenth of the trials take more than twice as long as the middle one.
SPREAD = 0.6
#: Parts of the run, by trials, of which the times are told: whether the driver slows down as the store fills.
PARTS = 5


@dataclass(frozen=True)
class Simulated:
    """What came of it. busy: share of the slots' time in which they worked, up to the last trial's end; busy_filled:
    the same up to where fewer trials were left than slots; cpu_ms and sync_ms: the driver's processor time and its
    waiting for the disk, a trial; cpu_ms_parts: of the first to the last of so many equal parts of the trials;
    per_s: trials a second that this driver could take at most; memory_mb: growth of the process."""

    trials: int
    cells: int
    slots: int
    length_s: float
    sampler: str
    busy: float
    busy_filled: float
    cpu_ms: float
    sync_ms: float
    cpu_ms_parts: tuple[float, ...]
    per_s: float
    syncs: int
    memory_mb: float


class SimulatedExecutor:
    """Trains nothing: an outcome comes when its time has come, with a score that the seeded generator gave.

    length_s: of a training, on average. now: seconds on the simulation's clock; driver_s: processor time that passed
    outside of it.
    """

    def __init__(self, slots: int, length_s: float, seed: int = 0) -> None:
        self.slots = slots
        self.length_s, self.seed = length_s, seed
        self.now = self.driver_s = 0.0
        self._given_s = 0.0
        self._events: list[tuple[float, int, Outcome, bool]] = []
        self._count = 0
        self._identities: dict[tuple[ProblemKey, int], Identity] = {}
        self._clock = _Worked()

    @property
    def busy(self) -> float:
        """Share of the slots' time so far in which they worked."""
        ahead = sum(max(ends - self.now, 0.0) for ends, *_ in self._events)
        return (self._given_s - ahead) / (self.slots * self.now) if self.now else 0.0

    def clock(self) -> float:
        """Seconds until this moment."""
        with self._aside():
            return self.now

    def submit(self, job: Job) -> None:
        """A job that begins now; its seeds come one after another."""
        with self._aside():
            ends = self.now
            for number, seed in enumerate(job.seeds, start=1):
                draw = random.Random(f"{self.seed} {job.key} {seed}")
                length = draw.lognormvariate(math.log(self.length_s) - SPREAD**2 / 2, SPREAD)
                ends += length
                self._given_s += length
                self._count += 1
                told = self._outcome(job, seed, length, round(draw.random(), 6))
                heapq.heappush(self._events, (ends, self._count, told, number == len(job.seeds)))

    def _outcome(self, job: Job, seed: int, length: float, score: float) -> Outcome:
        key = job.problem, seed
        if key not in self._identities:
            self._identities[key] = load_problem(*key).identity
        made = self._identities[key]
        scores = {made.metric: score}
        test = scores if job.purpose == "report" else None
        return Outcome(job.key, seed, "ok", None, scores, test, 100, length, made, environment=environment())

    def next_event(self) -> EpochReport | tuple[Outcome, bool]:
        """The next that ends, or has ended while the driver was at work."""
        with self._aside():
            ends, _, told, ended = heapq.heappop(self._events)
            self.now = max(self.now, ends)
            return told, ended

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """What the driver did until now passes on the clock; what is done within does not."""
        cpu, sync = self._clock.lap()
        self.driver_s += cpu
        self.now += cpu + sync
        try:
            yield
        finally:
            self._clock.lap()

    def ready(self) -> bool:
        """Whether one has ended while the driver was at work."""
        with self._aside():
            return bool(self._events) and self._events[0][0] <= self.now

    def resume(self, key: str, go_on: bool) -> None:
        raise NotImplementedError("no simulated job reports on its way")

    def close(self, *, kill: bool = False) -> None:
        self._events.clear()


class _Worked:
    """Seconds that this process has worked or waited for the disk; a lap is what came since the last one."""

    def __init__(self) -> None:
        self._cpu, self._sync = time.process_time(), _SYNCED.seconds

    def lap(self) -> tuple[float, float]:
        cpu, sync = time.process_time(), _SYNCED.seconds
        passed = cpu - self._cpu, sync - self._sync
        self._cpu, self._sync = cpu, sync
        return passed


class _Syncs:
    """How often files were synced, and for how many seconds this process only waited for that."""

    def __init__(self) -> None:
        self.count, self.seconds = 0, 0.0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Counts until it is left."""
        sync = os.fsync

        def timed(descriptor: Any) -> None:
            began, worked = time.perf_counter(), time.process_time()
            sync(descriptor)
            self.count += 1
            self.seconds += max(time.perf_counter() - began - (time.process_time() - worked), 0.0)

        with patch.object(os, "fsync", timed):
            yield


_SYNCED = _Syncs()


def simulate(
    slots: int, trials: int, length_s: float, sampler: str = "random", folder: Path | None = None
) -> Simulated:
    """Carry so many trials out, with one seed each and without pruning; a search has at most 400. folder: where the
    store goes, on the disk that is to be told of."""
    plan = simulated_plan(trials, sampler)
    with (
        tempfile.TemporaryDirectory(dir=folder) as place,
        _SYNCED.counted(),
        Store(Path(place) / "store", plan) as store,
    ):
        return _carried(plan, store, slots, length_s)


def simulated_plan(trials: int, sampler: str = "random") -> Plan:
    """So many trials in searches that are alike in all but their ids."""
    spec = {
        "name": "simulation",
        "datasets": list(DATASETS),
        "students": [{"model": name, "fix": {"epochs": 100}} for name in MODELS],
        "methods": ["supervised"],
        "search": {"trials": 400, "seeds": [100], "pruner": "none", "sampler": sampler},
        "report": {"seeds": 1},
    }
    plan = make_plan(parse_spec(spec, "simulation"))
    kinds = [cell for cell in plan.cells if cell.method.name == "supervised"]
    number = max(1, round(trials / 400))
    each = math.ceil(trials / number)
    cells = [kinds[place % len(kinds)] for place in range(number)]
    ids = [content_id([cell.id, place]) for place, cell in enumerate(cells)]
    return replace(plan, cells=tuple(replace(c, id=i, trials=each) for c, i in zip(cells, ids, strict=True)))


def _carried(plan: Plan, store: Store, slots: int, length_s: float) -> Simulated:
    class Enough(Exception):
        """No reports are needed here."""

    driver, executor, process = Driver(plan, store), SimulatedExecutor(slots, length_s), psutil.Process()
    budget = sum(run.budget for run in driver.runs.values())
    before, done, filled = process.memory_info().rss, 0, 0.0
    _SYNCED.count, _SYNCED.seconds = 0, 0.0
    cpu = [executor.driver_s]

    def listen(record: Record) -> None:
        nonlocal done, filled
        if record.kind != "trial":
            return
        done += 1
        if done * PARTS // budget > (done - 1) * PARTS // budget:
            cpu.append(executor.driver_s)
        if done == max(1, budget - slots):
            filled = executor.busy
        if done == budget:
            raise Enough

    driver.listen(listen)
    with suppress(Enough), patch.object(announcements, "clock", executor.clock):
        driver.run(executor)
    cpu_ms, sync_ms = 1e3 * cpu[-1] / done, 1e3 * _SYNCED.seconds / done
    return Simulated(
        trials=done,
        cells=len(plan.cells),
        slots=slots,
        length_s=length_s,
        sampler=plan.spec.search.sampler,
        busy=executor.busy,
        busy_filled=filled,
        cpu_ms=cpu_ms,
        sync_ms=sync_ms,
        cpu_ms_parts=tuple(1e3 * (b - a) * PARTS / done for a, b in itertools.pairwise(cpu)),
        per_s=1e3 / (cpu_ms + sync_ms),
        syncs=_SYNCED.count,
        memory_mb=(process.memory_info().rss - before) / 2**20,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; one JSON line to a length of training."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--slots", type=int, default=1000)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--length", type=float, nargs="+", default=[60.0], help="seconds of a training, on average")
    parser.add_argument("--sampler", default="random")
    parser.add_argument("--folder", type=Path, help="where the store goes, on the disk that is to be told of")
    given = parser.parse_args(arguments)
    for length_s in given.length:
        print(
            json.dumps(asdict(simulate(given.slots, given.trials, length_s, given.sampler, given.folder))), flush=True
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
