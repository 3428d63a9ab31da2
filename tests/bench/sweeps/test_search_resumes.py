"""Every sampler under every pruner: a sweep that was killed, on any number of slots and in whatever order these end,
comes to the records of one that was not, trial after trial."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.jobs import EpochReport, Job, Outcome
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.spec import Pruner, Sampler, parse_spec
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.training.problem import load_problem

EPOCHS = 30
KILLS = 5


class Killed(BaseException):
    pass


class Pretender:
    """Slots that train nothing: a score is a function of the configuration, the seed and the epoch.

    Which slot brings something next is chance. It is killed when `events` have been brought. Configurations with the
    same choice of nodes learn alike, so that there is something for a sampler to find and for a pruner to see; some
    fail.
    """

    def __init__(self, events: int, slots: int, chance: random.Random) -> None:
        self.left, self.slots, self.chance = events, slots, chance
        self.jobs: dict[str, Iterator[EpochReport | tuple[Outcome, bool]]] = {}

    def submit(self, job: Job) -> None:
        assert len(self.jobs) < self.slots
        self.jobs[job.key] = self._events(job)

    def next_event(self) -> EpochReport | tuple[Outcome, bool]:
        if not self.left:
            raise Killed
        self.left -= 1
        key = self.chance.choice(sorted(self.jobs))
        event = next(self.jobs[key])
        if isinstance(event, tuple) and event[1]:
            del self.jobs[key]
        return event

    def ready(self) -> bool:
        return bool(self.jobs)

    def resume(self, key: str, go_on: bool) -> None:
        if not go_on:
            del self.jobs[key]

    def close(self, *, kill: bool = False) -> None: ...

    def _events(self, job: Job) -> Iterator[EpochReport | tuple[Outcome, bool]]:
        identity = load_problem(job.problem, 0, "cpu").identity
        hyper = dict(job.configuration.method_hyper)
        for index, seed in enumerate(job.seeds):
            luck = random.Random(f"{sorted(hyper.items())} {seed}")
            top = 0.5 + 0.2 * (hyper.get("node_set") == "observed") + 0.1 * luck.random() + 0.02 * (seed % 3)
            if luck.random() < 0.04:
                yield Outcome(job.key, seed, "failed", error="so it was"), True
                return
            epochs = luck.randint(10, EPOCHS)
            if job.report_every and index == 0:
                for epoch in range(job.report_every, epochs, job.report_every):
                    yield EpochReport(job.key, seed, epoch, top * epoch / (epoch + 3))
            scores = {"accuracy": top * epochs / (epochs + 3)}
            test = scores if job.purpose == "report" else None
            yield Outcome(job.key, seed, "ok", None, scores, test, epochs, 1.0, identity), index == len(job.seeds) - 1


def plan(sampler: str, pruner: str, trials: int) -> Plan:
    fixed = {"hidden": 8, "layers": 2, "dropout": 0.5, "lr": 0.01, "weight_decay": 0.0, "norm": "none"}
    search = {"sampler": sampler, "pruner": pruner, "trials": trials, "seeds": [100, 101, 102], "min_epochs": 3}
    content = {
        "name": "oad",
        "datasets": ["karate"],
        "students": [{"model": "gcn", "epochs": EPOCHS, "fix": fixed, "space": {}}],
        "methods": ["oad"],
        "search": search,
        "report": {"seeds": 1},
    }
    return make_plan(parse_spec(content, "spec.yaml"))


def carried_out(of: Plan, path: Path, kills: int, seed: int) -> dict[str, dict[str, Any]]:
    """The store's records by their ids, clocks left out, of a driver that was killed so often at random, and each time
    had other slots; of one that was not killed there is one slot."""
    generator = random.Random(seed)
    for attempt in itertools.count():
        with Store(path, of) as store:
            driver = Driver(of, store)
            slots = generator.choice((1, 2, 4)) if kills else 1
            executor = Pretender(generator.randint(1, 12) if attempt < kills else 10**9, slots, generator)
            try:
                driver.run(executor)
            except Killed:
                continue
        break
    told = [record.model_dump(mode="json") for record in read_records(path).records if record.kind != "speed"]
    return {each["id"]: {k: v for k, v in each.items() if k not in ("created", "environment")} for each in told}


@pytest.fixture(autouse=True)
def no_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph_distillery.bench.sweeps.cell_run.CellRun.next_speed", lambda self: None)


@pytest.mark.parametrize("pruner", get_args(Pruner))
@pytest.mark.parametrize("sampler", get_args(Sampler))
def test_a_killed_sweep_ends_like_an_undisturbed_one(sampler: str, pruner: str, tmp_path: Path) -> None:
    # The median says nothing before five are complete; with fewer the other two have nothing to prune.
    trials_asked = {"median": 28, "hyperband": 14, "asha": 14}.get(pruner, 10)
    of = plan(sampler, pruner, trials_asked)
    whole = carried_out(of, tmp_path / "whole", 0, 0)
    assert carried_out(of, tmp_path / "killed", KILLS, 1) == whole
    trials = [record for record in whole.values() if record["kind"] == "trial"]
    assert {record["search"]["trial"] for record in trials} == set(range(trials_asked))
    stopped = [record for record in trials if record["status"] == "pruned"]
    assert bool(stopped) == (pruner != "none"), "nothing was pruned, so nothing was shown"
    over_epochs = [record for record in trials if "curve" in record and record["curve"] is not None]
    assert bool(over_epochs) == (pruner in ("median", "asha", "hyperband"))
