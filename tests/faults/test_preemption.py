"""A scheduler takes the machine back: SIGTERM, or Ctrl-C, and within 20 seconds the driver is gone, its store whole."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps.store.heartbeat import driver_at_work, read_pulse


@pytest.mark.parametrize(("whole_group", "workers"), [(True, 2), (False, 0)], ids=["group", "driver alone"])
def test_sigterm_stops_a_sweep_and_the_line_it_prints_completes_it(
    launcher: Any,
    write_spec: Callable[..., Path],
    undisturbed: dict[str, Any],
    wait_for_lines: Callable[..., None],
    assert_complete: Callable[[Path], None],
    essence_of: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
    whole_group: bool,
    workers: int,
) -> None:
    store, spec = tmp_path / "a store", write_spec()
    driver = launcher.sweep(spec, store, workers)
    wait_for_lines(driver, store, 7)
    (os.killpg if whole_group else os.kill)(driver.pid, signal.SIGTERM)
    assert driver.wait(20) == 130, driver.said()
    driver.assert_alone()
    assert not (store / "heartbeat.json").exists()
    kept = essence_of(store)
    assert len(kept) >= 7
    assert not read_records(store).warnings, "no torn line"
    assert "Traceback" not in driver.said()
    (line,) = driver.errors()
    command = shlex.split(line.split("go on with: distillery ")[1])
    assert command == ["sweep", str(spec), "--out", str(store), "--workers", str(workers)]
    again = launcher.start(*command)
    assert again.wait() == 0, again.said()
    assert_complete(store)
    assert kept.items() <= essence_of(store).items()
    if not workers:
        assert essence_of(store) == undisturbed


def test_a_second_signal_stops_at_once_what_swallows_the_first(
    launcher: Any, write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    store = tmp_path / "store"
    methods = [{"name": "faulty", "fix": {"fault": "stubborn"}}]
    spec = write_spec(methods=methods, teachers=[], search={"sampler": "random", "trials": 2, "seeds": [100]})
    driver = launcher.sweep(spec, store)
    deadline = time.monotonic() + 60
    while "swallows" not in driver.said() or (pulse := read_pulse(store)) is None or not pulse.busy:
        assert time.monotonic() < deadline, driver.said()
        time.sleep(0.1)
    assert (pulse.pid, pulse.busy, pulse.slots) == (driver.pid, 1, 1)
    os.kill(driver.pid, signal.SIGTERM)
    time.sleep(1.0)
    assert driver.running, "it swallows the first signal"
    os.kill(driver.pid, signal.SIGTERM)
    assert driver.wait(5) == 130
    driver.assert_alone()
    assert "go on with: distillery sweep" in driver.said()
    assert read_records(store).records
    assert driver_at_work(store) is False, "the heartbeat that it left behind is no sign of life"


STUBBORN = """
import os, sys, time
from graph_distillery.bench.cli import interrupts
interrupts.PATIENCE_S, interrupts.TELL_AFTER_S = 1.0, 0.2
with interrupts.as_keyboard_interrupt(lambda: os._exit(130), lambda line: print(line, flush=True)):
    said = False
    while True:
        try:
            if not said:
                said = True
                print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            pass
"""


def test_patience_ends_without_a_second_signal(cli_environment: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True, env=cli_environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)  # the same wish, delivered twice
        assert process.stdout.readline() == "stopping; a second signal stops at once\n"
        assert process.wait(10) == 130
