"""A signal in the middle of a sweep: exit code 130, no worker left, and the resumed sweep is the whole one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

LONG: dict[str, Any] = {
    "datasets": ["csbm"],
    "split": None,
    "teachers": [{"model": "sage", "hidden": 16, "epochs": 20, "patience": 0}],
    "students": [{"model": "mlp", "hidden": 16, "epochs": 100, "patience": 0}],
    "methods": ["kd"],
    "search": {"trials": 5, "seeds": [100, 101, 102]},
    "report": {"seeds": 2},
}


def begin(spec: Path, store: Path, workers: int, repo_root: Path) -> subprocess.Popen[str]:
    """A sweep in a process of its own, Ctrl-C not ignored whoever started the tests."""
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
    return subprocess.Popen(
        command,
        cwd=spec.parent,
        env={**os.environ, "PYTHONPATH": str(repo_root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,  # noqa: PLW1509
    )


def wait_for_trials(store: Path, lines: int, process: subprocess.Popen[str]) -> None:
    file = store / "records" / "trial.jsonl"
    end = time.monotonic() + 120
    while not file.exists() or file.read_bytes().count(b"\n") < lines:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    """What the sweep's store holds where no signal came; filled by the first test that asks."""
    return {}


@pytest.mark.slow  # from a new interpreter each; tests/faults forks the same command from a loaded one
@pytest.mark.parametrize(("number", "workers"), [(signal.SIGINT, 0), (signal.SIGTERM, 1)])
def test_a_signal_stops_a_sweep_and_again_completes_it(
    number: signal.Signals,
    workers: int,
    distillery: Callable[..., Any],
    write_spec: Callable[..., Path],
    contents: Callable[[Path], dict[str, Any]],
    undisturbed: dict[str, Any],
    tmp_path: Path,
    repo_root: Path,
) -> None:
    spec, store = write_spec(**LONG), tmp_path / "store"
    process = begin(spec, store, workers, repo_root)
    wait_for_trials(store, 4, process)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert f"go on with: distillery sweep {spec}" in err
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive

    begun = contents(store)
    assert distillery("status", store, "--json").json["driver"] is False
    resumed = distillery("sweep", spec, "--out", store, "--json")
    assert resumed.code == 0
    assert resumed.json["new_records"] > 0
    assert all(cell["finished"] for cell in resumed.json["cells"])
    whole = contents(store)
    assert {id_: whole[id_] for id_ in begun} == begun, "what was done is not done again"
    if not undisturbed:
        straight = tmp_path / "straight"
        assert distillery("sweep", spec, "--out", straight).code == 0
        undisturbed.update(contents(straight))
    assert undisturbed == whole, "killed or not, the sweep is the same"
