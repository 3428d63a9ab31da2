"""Sweeps on Ray that are killed, starved and cut off: nothing is lost, nothing doubled, and a rerun completes.

The short form runs in the suite. The campaign: `DISTILLERY_KILLS=20 pytest -m slow -k ray tests/faults -s`.
"""

from __future__ import annotations

import os
import pickle
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from graph_distillery.bench.records import read_records

KILLS = int(os.environ.get("DISTILLERY_KILLS", "20"))
SEED = int(os.environ.get("DISTILLERY_KILL_SEED", "1"))
#: Records of the small spec, at least: how many trials two slots prune depends on chance.
FEWEST = 47
SLOW = {"name": "faulty", "fix": {"fault": "slow"}}

slow = pytest.mark.slow
pytestmark = pytest.mark.timeout(3600)


class OnRay:
    """Starts sweeps on a local Ray, and knows their processes."""

    def __init__(self, launcher: Any, spec: Path, store: Path) -> None:
        self.launcher, self.spec, self.store = launcher, spec, store

    def start(self, *more: object) -> Any:
        return self.launcher.start("sweep", self.spec, "--out", self.store, "--executor", "ray", "--workers", 2, *more)

    def end(self, code: int = 0, *, here: bool = False) -> Any:
        """To its end; here: without Ray, which a store may go on without."""
        driver = self.launcher.sweep(self.spec, self.store) if here else self.start()
        assert driver.wait(240) == code, driver.said()[-3000:]
        assert "Traceback" not in driver.said(), driver.said()[-3000:]
        return driver


def processes(driver: Any) -> list[psutil.Process]:
    """Everything that a driver has started, but for Ray's two agents: they end themselves up to a minute later."""
    try:
        company = psutil.Process(driver.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [process for process in company if "Agent" not in name_of(process)]


def name_of(process: psutil.Process) -> str:
    try:
        return " ".join([process.name(), *process.cmdline()[:1]])
    except psutil.NoSuchProcess:
        return ""


def status_of(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return ""


def listens(process: psutil.Process) -> list[str]:
    """The addresses that it listens on; Ray has helpers that are gone within a second."""
    try:
        return [each.laddr.ip for each in process.net_connections("inet") if each.status == psutil.CONN_LISTEN]
    except psutil.NoSuchProcess:
        return []


def named(driver: Any, name: str) -> list[psutil.Process]:
    return [process for process in processes(driver) if name in name_of(process)]


def assert_gone(company: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(company, timeout=30)
    assert [process for process in alive if status_of(process) not in (psutil.STATUS_ZOMBIE, "")] == []


def lines(store: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in (store / "records").glob("*.jsonl"))


def wait_for(driver: Any, store: Path, count: int) -> None:
    until = time.monotonic() + 120
    while driver.running and lines(store) < count:
        assert time.monotonic() < until, driver.said()[-2000:]
        time.sleep(0.02)


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, trap: Path) -> None:
        self.trap = trap

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trap,)


def plant(store: Path) -> Path:
    """Pickles where Tune and others would look for theirs; the file that tells of one that was opened."""
    trap = store.parent / "opened"
    names = ("tuner.pkl", "trainable.pkl", "searcher-state-1.pkl", "records/trial.pkl", "teachers/teacher.pkl")
    for name in names:
        (store / name).parent.mkdir(exist_ok=True)
        (store / name).write_bytes(pickle.dumps(Bomb(trap)))
    return trap


@pytest.fixture
def on_ray(launcher: Any, write_spec: Callable[..., Path], tmp_path: Path) -> Callable[..., OnRay]:
    """A store-to-be of the small spec, its fields replaced."""
    return lambda name="store", **fields: OnRay(launcher, write_spec(f"{name}.yaml", **fields), tmp_path / name)


@pytest.mark.parametrize("kills", [1, pytest.param(KILLS, marks=slow)])
def test_drivers_killed_at_random_moments(
    on_ray: Callable[..., OnRay],
    assert_complete: Callable[[Path], None],
    undisturbed: dict[str, Any],
    essence_of: Callable[[Path], dict[str, Any]],
    kills: int,
) -> None:
    """And Ray goes with them: no process of theirs is left. The records are those of a run on no Ray at all."""
    generator, killed = random.Random(SEED), 0
    for number in range(-(-kills // 10)):
        sweep = on_ray(f"store-{number}")
        for target in sorted(generator.sample(range(FEWEST - 4), min(10, kills - 10 * number))):
            driver = sweep.start()
            wait_for(driver, sweep.store, target)
            time.sleep(generator.uniform(0.0, 0.2))
            company = processes(driver)
            if driver.running:
                os.kill(driver.pid, signal.SIGKILL)
            code = driver.wait()
            assert code in (0, -signal.SIGKILL), driver.said()[-2000:]
            killed += code != 0
            assert_gone(company)
            if (sweep.store / "records").is_dir():
                read_records(sweep.store)
        trap = plant(sweep.store)
        sweep.end(here=kills == 1)
        assert_complete(sweep.store)
        assert essence_of(sweep.store) == undisturbed
        assert not trap.exists()
        kinds = {path.suffix for path in sweep.store.rglob("*") if path.is_file()}
        assert kinds <= {".jsonl", ".torn", ".json", ".yaml", ".safetensors", ".lock", ".pkl", ""}, kinds
    print(f"drivers killed: {killed}; records lost 0, doubled 0, torn 0 after the rerun")
    assert killed


@slow
def test_workers_killed_at_random_moments(on_ray: Callable[..., OnRay]) -> None:
    """What they were at begins again elsewhere, within the same run."""
    generator, killed = random.Random(SEED), 0
    rounds = 0
    while killed < KILLS:
        rounds += 1
        search = {"trials": 6, "seeds": [100], "pruner": "none"}
        sweep = on_ray(f"store-{rounds}", methods=["glnn", SLOW], search=search, resources={"max_failures": 20})
        driver = sweep.start()
        wait_for(driver, sweep.store, 1)
        for _ in range(4):
            time.sleep(generator.uniform(0.2, 1.5))
            if workers := named(driver, "ray::TrialActor"):
                generator.choice(workers).kill()
                killed += 1
        assert driver.wait(240) == 0, driver.said()[-3000:]
        records = read_records(sweep.store).records
        assert {record.status for record in records} == {"ok"}
        trials = sorted((r.cell.id, r.search.trial, r.seed) for r in records if r.kind == "trial" and r.search)
        assert len(trials) == len(set(trials)) == 3 * 6
    print(f"workers killed: {killed} in {rounds} sweeps; every seed recorded once, ok")


@slow
def test_raylets_killed_at_random_moments(
    on_ray: Callable[..., OnRay], assert_complete: Callable[[Path], None]
) -> None:
    """The local node is gone and the run with it: it ends, its store is whole, and a rerun completes."""
    generator, codes = random.Random(SEED), Counter[int]()
    sweep = on_ray()
    for target in sorted(generator.sample(range(FEWEST - 6), max(1, KILLS // 4))):
        driver = sweep.start()
        wait_for(driver, sweep.store, target)
        company = processes(driver)
        for raylet in named(driver, "raylet"):
            raylet.kill()
        codes[driver.wait(120)] += 1
        assert_gone(company)
        read_records(sweep.store)
    sweep.end()
    assert_complete(sweep.store)
    print(f"raylets killed: {sum(codes.values())}, exit codes {dict(codes)}")


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=slow)])
def test_a_signal_ends_it_within_20_s(on_ray: Callable[..., OnRay], number: signal.Signals) -> None:
    """On the way: what the session listens on, and who may talk to it."""
    sweep = on_ray(methods=[SLOW], search={"trials": 3, "seeds": [100, 101, 102]})
    driver = sweep.start()
    wait_for(driver, sweep.store, 2)
    company = processes(driver)
    everyone = [psutil.Process(driver.pid), *psutil.Process(driver.pid).children(recursive=True)]
    listening = [place for process in everyone for place in listens(process)]
    assert listening
    assert {place.removeprefix("::ffff:") for place in listening} <= {"127.0.0.1", "::1"}
    environments = [process.environ() for process in company if "raylet" in name_of(process)]
    assert [(each["RAY_AUTH_MODE"], len(each["RAY_AUTH_TOKEN"])) for each in environments] == [("token", 64)]
    os.kill(driver.pid, number)
    assert driver.wait(20) == 130, driver.said()[-3000:]
    assert "Traceback" not in driver.said()
    assert_gone(company)
    assert len({record.id for record in read_records(sweep.store).records}) == lines(sweep.store)


@slow
def test_what_fails_in_a_trial_is_that_trials_own(on_ray: Callable[..., OnRay]) -> None:
    """No number, no memory, no end in sight, no worker left; and what has no fault is all there."""
    expected = {"nan": "nan", "greedy": "oom", "oom": "oom", "slow": "timeout", "raise": "failed", "none": "ok"}
    sweep = on_ray(
        methods=["glnn", *({"name": "faulty", "fix": {"fault": fault}} for fault in (*expected, "die"))],
        students=[{"model": "mlp", "hidden": 32, "layers": 2, "epochs": 120}],
        search={"trials": 2, "seeds": [100, 101], "pruner": "none"},
        resources={"max_failures": 1, "memory": "300 MB", "overrides": {"faulty": {"time_limit_s": 4}}},
    )
    sweep.end(1)
    found = {(str(r.hparams.get("method.fault", "")), r.seed, r.status) for r in read_records(sweep.store).records}
    for fault, status in expected.items():
        assert {status for at, _, status in found if at == fault} == {status}, fault
    assert {(seed, status) for fault, seed, status in found if fault == "die"} == {(100, "ok"), (101, "failed")}
    before = read_records(sweep.store).records
    sweep.end(1)
    assert read_records(sweep.store).records == before


@slow
def test_full_and_read_only_disks(
    on_ray: Callable[..., OnRay], mounted: Callable[..., Path], assert_complete: Callable[[Path], None]
) -> None:
    sweep = on_ray()
    place = mounted("size=48k")
    sweep.store = place / "store"
    driver = sweep.start()
    assert driver.wait(240) != 0
    assert len(driver.errors()) == 1, driver.said()[-2000:]
    mounted("ro")
    assert sweep.start().wait(240) == 2
    mounted("rw,size=20m")
    sweep.end()
    assert_complete(sweep.store)
