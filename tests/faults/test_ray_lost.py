"""Ray is lost under a sweep: one line says so, with the way on, and the exit code is 1."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from ray.exceptions import RayTaskError

from graph_distillery.bench.cli import main
from graph_distillery.bench.errors import LostError
from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps.executors.ray_exchange import Exchange

ENDING = """
import os
from graph_distillery.bench.cli import lost_cluster
with lost_cluster.prepared("the line"), lost_cluster.entrusted({needed}):
    {end}
"""


@pytest.mark.parametrize(
    ("needed", "end", "said"),
    [(True, "os._exit(1)", "the line\n"), (True, "pass", ""), (False, "os._exit(1)", "")],
    ids=["ended from below", "comes back", "not asked for"],
)
def test_a_child_says_what_its_parent_can_not(
    needed: bool, end: str, said: str, cli_environment: dict[str, str]
) -> None:
    code = ENDING.format(needed=needed, end=end)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=cli_environment, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (int("_exit" in end), said)


def test_an_early_end_of_tune_is_ray_s_or_ours() -> None:
    from ray.exceptions import RaySystemError

    def raised(error: BaseException, context: BaseException | None = None) -> Exception:
        error.__context__ = context
        exchange = Exchange()
        exchange.fail(error)
        with pytest.raises(Exception) as caught:
            exchange.next_event()
        return caught.value

    found = raised(RuntimeError("the loop ended"), RaySystemError("Broken\npipe"))
    assert isinstance(found, LostError)
    assert str(found) == "Ray no longer carries the sweep: RaySystemError: System error: Broken pipe"
    for ours in (KeyError("a mistake of ours"), RayTaskError("step", "a traceback", ValueError("ours too"))):
        assert not isinstance(raised(ours), LostError)


def test_it_is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    def broken(*arguments: Any, **more: Any) -> None:
        raise LostError("Ray no longer carries the sweep: it is gone")

    monkeypatch.setattr("graph_distillery.bench.cli.commands.sweep.run_sweep", broken)
    words = ["sweep", str(write_spec()), "--out", str(tmp_path / "a store")]
    assert main(words) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("distillery: Ray no longer carries the sweep: it is gone; what was finished is kept, ")
    assert shlex.split(line.split("go on with: distillery ")[1]) == words


@pytest.mark.slow
def test_a_raylet_that_is_killed(launcher: Any, write_spec: Callable[..., Path], tmp_path: Path) -> None:
    store, spec = tmp_path / "store", write_spec()
    words = ["sweep", spec, "--out", store, "--executor", "ray", "--workers", 2]
    driver = launcher.start(*words)
    until = time.monotonic() + 120
    while driver.running and not (store / "records" / "trial.jsonl").exists():
        assert time.monotonic() < until, driver.said()[-2000:]
        time.sleep(0.01)
    for process in psutil.Process(driver.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # Ray's helpers come and go
            if "raylet" in process.name():
                process.kill()
    assert driver.wait(120) == 1, driver.said()[-3000:]
    assert "Traceback" not in driver.said()
    (line,) = driver.errors()
    assert read_records(store).records
    again = launcher.start(*shlex.split(line.split("go on with: distillery ")[1]))
    assert again.wait(240) == 0, again.said()[-3000:]
