"""The long campaign: real commands, many kills of drivers and of workers. DISTILLERY_KILLS says how many of each."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.records import read_records

KILLS = int(os.environ.get("DISTILLERY_KILLS", "10"))
SEED = int(os.environ.get("DISTILLERY_KILL_SEED", "1"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_drivers_killed_at_random_moments(
    launcher: Any,
    write_spec: Callable[..., Path],
    undisturbed: dict[str, Any],
    disturb: Callable[..., int],
    assert_complete: Callable[[Path], None],
    essence_of: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
    workers: int,
) -> None:
    done = 0
    fewest = len(undisturbed) if workers < 2 else 47  # how many trials two workers prune depends on chance
    for round_number in range(-(-KILLS // 10)):
        store, spec = tmp_path / f"store-{round_number}", write_spec()

        def start(spec: Path = spec, store: Path = store) -> Any:
            return launcher.sweep(spec, store, workers)

        done += disturb(start, store, 10, fewest, seed=SEED + round_number)
        last = start()
        assert last.wait() == 0, last.said()
        assert_complete(store)
        if workers < 2:
            assert essence_of(store) == undisturbed
    assert done >= KILLS


@pytest.mark.parametrize("workers", [0, 2])
def test_the_installed_command_killed_by_the_clock(
    write_spec: Callable[..., Path],
    undisturbed: dict[str, Any],
    assert_complete: Callable[[Path], None],
    essence_of: Callable[[Path], dict[str, Any]],
    cli_environment: dict[str, str],
    tmp_path: Path,
    workers: int,
) -> None:
    """The whole process, start-up included: killed after a random time, until it once comes to its end."""
    store, spec, generator = tmp_path / "store", write_spec(), random.Random(SEED)
    command = [
        sys.executable,
        "-m",
        "graph_distillery.bench.cli",
        "sweep",
        str(spec),
        "--out",
        str(store),
        "--workers",
        str(workers),
    ]
    kills = 0
    while True:
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(command, env=cli_environment, stdout=log, stderr=log)
            try:
                code = process.wait(generator.uniform(0.5, 8.0) if kills < KILLS else 120)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
                continue
        assert code == 0, (tmp_path / "log").read_text()
        if kills >= KILLS // 2:
            break
        kills += 1
        (store / "records" / "report.jsonl").unlink()  # it came to its end early: some of it again
    assert_complete(store)
    if not workers:
        assert essence_of(store) == undisturbed


def test_workers_killed_at_random_moments(launcher: Any, write_spec: Callable[..., Path], tmp_path: Path) -> None:
    """What they were at begins again: every planned seed is recorded once, ok, and nothing is left behind."""
    generator = random.Random(SEED)
    for number in range(-(-KILLS // 2)):
        store = tmp_path / f"store-{number}"
        slow = {"name": "faulty", "fix": {"fault": "slow"}}
        spec = write_spec(methods=["glnn", slow], search={"trials": 3, "seeds": [100], "pruner": "none"})
        driver = launcher.sweep(spec, store, 2)
        for _ in range(2):
            time.sleep(generator.uniform(1.0, 4.0))
            if workers := driver.workers():
                os.kill(generator.choice(workers), signal.SIGKILL)
        assert driver.wait(120) == 0, driver.said()[-3000:]
        driver.assert_alone()
        records = read_records(store).records
        assert {record.status for record in records} == {"ok"}
        trials = sorted((r.cell.id, r.search.trial, r.seed) for r in records if r.kind == "trial" and r.search)
        assert len(trials) == len(set(trials)) == 3 * 3
