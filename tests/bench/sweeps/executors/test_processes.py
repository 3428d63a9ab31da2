"""What a worker process may do to its executor."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path
from types import SimpleNamespace

import pytest

from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.executors import processes
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store.store import Store


def test_a_worker_that_dies_while_a_job_is_handed_over_is_a_death(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def start(self: object) -> processes._Place:
        ours, theirs = Pipe()
        theirs.close()
        started.append(ours)
        dying = SimpleNamespace(is_alive=lambda: True, exitcode=-9, kill=lambda: None, join=lambda timeout=None: None)
        return processes._Place(dying, ours)

    monkeypatch.setattr(processes.ProcessExecutor, "_start", start)
    plan = plan_of(resources={"max_failures": 2})
    with Store(tmp_path / "store", plan) as store:
        job = Driver(plan, store).next_job()
    assert job is not None
    executor = processes.ProcessExecutor(1, tmp_path)
    executor.submit(job)
    event = executor.next_event()
    executor.close()
    assert isinstance(event, tuple)
    outcome, ended = event
    assert (outcome.status, outcome.error, ended) == (
        "failed",
        "its worker died with exit code -9, the last of 3",
        True,
    )
    assert len(started) == 4
