"""What goes wrong inside a trial is that trial's own: it is recorded with its kind, and the sweep goes on."""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.records import Record, read_records
from graph_distillery.bench.sweeps.executors import processes
from graph_distillery.bench.sweeps.executors.processes import ProcessExecutor
from graph_distillery.bench.sweeps.jobs import Job
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.bench.training.problem import ProblemKey

#: A cell of the plug-in that has a search, and one of glnn beside it.
SEARCH = {"trials": 2, "seeds": [100, 101, 102], "pruner": "none"}
STATUS = {
    "nan": ("nan", "the loss is nan in epoch 2"),
    "raise": ("failed", "RuntimeError: the loss broke (faulty_methods.py:"),
    "odd text": ("failed", "RuntimeError: half a ? pair, a bell ? and a long story xxx"),
    "oom": ("oom", "DefaultCPUAllocator"),
    "memory error": ("oom", "MemoryError"),
    "exit": ("failed", "SystemExit: 3"),
}


def by_fault(store: Path) -> dict[str, list[Record]]:
    """Records of each fault; other methods under their own name."""
    found = defaultdict(list)
    for record in read_records(store).records:
        found[str(record.hparams.get("method.fault", record.cell.method))].append(record)
    return found


def faulty(*faults: str) -> list[Any]:
    return [{"name": "faulty", "fix": {"fault": fault}} for fault in faults]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_failing_method_fails_alone(
    launcher: Any, write_spec: Callable[..., Path], tmp_path: Path, workers: int
) -> None:
    store = tmp_path / "store"
    faults = list(STATUS)
    spec = write_spec(methods=["glnn", *faulty("none", *faults)], search=SEARCH)
    driver = launcher.sweep(spec, store, workers)
    assert driver.wait() == 1, driver.said()
    driver.assert_alone()
    assert "Traceback" not in driver.said()
    found = by_fault(store)
    for fault, (status, says) in STATUS.items():
        records = found[fault]
        assert [(r.kind, r.status, r.seed) for r in records] == [("trial", status, 100)] * 2, fault
        for record in records:
            assert record.error is not None
            assert says in record.error
            assert record.error.isprintable()
            assert len(record.error) < 700
            assert record.metrics.val == {}
    for method in ("none", "glnn", "supervised", "teacher", "majority"):
        assert {record.status for record in found[method]} == {"ok"}
        assert {record.kind for record in found[method]} >= {"report", "speed"}
    said = driver.said()
    assert said.count("faulty") >= len(faults)  # the cells that have no winner are named
    again = launcher.sweep(spec, store, workers)
    assert again.wait() == 1, again.said()
    assert by_fault(store) == found


def test_a_cell_whose_trials_all_failed_locks_nothing_and_is_named(
    launcher: Any, write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    store = tmp_path / "store"
    driver = launcher.sweep(write_spec(methods=faulty("raise"), search=SEARCH), store)
    assert driver.wait() == 1
    assert [record.kind for record in by_fault(store)["raise"]] == ["trial", "trial"]
    assert any("csbm/random-60-20-20 mlp faulty" in line for line in driver.said().splitlines())


def test_a_teacher_that_cannot_be_trained_blocks_its_cells_alone(
    launcher: Any, write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    """A teacher beyond its time limit: what needs it waits for nothing, what needs none is done."""
    store = tmp_path / "store"
    resources = {"overrides": {"supervised": {"time_limit_s": 1e-9}}}
    driver = launcher.sweep(write_spec(methods=["kd", "label-propagation"], resources=resources), store)
    assert driver.wait() == 1, driver.said()
    found = by_fault(store)
    assert {record.status for record in found["supervised"]} == {"timeout"}
    assert not found["kd"]
    assert {record.kind for record in found["label-propagation"]} == {"trial", "report", "speed"}
    assert any(" kd" in line for line in driver.said().splitlines())


@pytest.mark.parametrize("workers", [0, 1])
def test_a_trial_beyond_its_time_limit(
    launcher: Any, write_spec: Callable[..., Path], tmp_path: Path, workers: int
) -> None:
    store = tmp_path / "store"
    resources = {"overrides": {"faulty": {"time_limit_s": 0.12}}}
    spec = write_spec(
        methods=faulty("slow"), search={"trials": 1, "seeds": [100, 101]}, report={"seeds": 1}, resources=resources
    )
    driver = launcher.sweep(spec, store, workers)
    assert driver.wait() == 1, driver.said()
    (record,) = by_fault(store)["slow"]
    assert (record.status, record.seed) == ("timeout", 100)
    assert "past its time limit in epoch" in (record.error or "")


@pytest.mark.parametrize(("workers", "retries"), [(1, 0), (2, 1)])
def test_a_worker_that_dies_again_and_again_costs_its_seed(
    launcher: Any, write_spec: Callable[..., Path], tmp_path: Path, workers: int, retries: int
) -> None:
    """Killed in the middle of a training, as the kernel does when memory runs out."""
    store = tmp_path / "store"
    spec = write_spec(methods=["glnn", *faulty("die")], search=SEARCH, resources={"max_failures": retries})
    driver = launcher.sweep(spec, store, workers)
    assert driver.wait() == 1, driver.said()
    driver.assert_alone()
    found = by_fault(store)
    why = "its worker died with exit code -9" + (", the last of 2" if retries else "")
    for number in (0, 1):
        run = [r for r in found["die"] if r.search and r.search.trial == number]
        assert [(r.seed, r.status, r.error) for r in run] == [(100, "ok", None), (101, "failed", why)]
    assert {record.status for record in found["glnn"]} == {"ok"}
    assert {record.kind for record in found["glnn"]} == {"trial", "report", "speed"}


def test_a_worker_killed_from_outside_costs_nothing(
    launcher: Any, write_spec: Callable[..., Path], tmp_path: Path, wait_for_lines: Callable[..., None]
) -> None:
    store = tmp_path / "store"
    spec = write_spec(methods=faulty("slow"), search={**SEARCH, "trials": 3, "seeds": [100]}, report={"seeds": 1})
    driver = launcher.sweep(spec, store, 2)
    wait_for_lines(driver, store, 1)
    time.sleep(0.1)
    os.kill(driver.workers()[0], signal.SIGKILL)
    assert driver.wait() == 0, driver.said()
    driver.assert_alone()
    assert {record.status for records in by_fault(store).values() for record in records} == {"ok"}


@pytest.mark.parametrize("workers", [0, 1])
def test_a_trial_that_takes_more_than_its_memory(
    launcher: Any, write_spec: Callable[..., Path], tmp_path: Path, workers: int
) -> None:
    store = tmp_path / "store"
    spec = write_spec(methods=["glnn", *faulty("greedy")], search=SEARCH, resources={"memory": "300 MB"})
    driver = launcher.sweep(spec, store, workers)
    assert driver.wait() == 1, driver.said()
    found = by_fault(store)
    assert [record.status for record in found["greedy"]] == ["oom", "oom"]
    assert {record.status for record in found["glnn"]} == {"ok"}


def test_a_job_that_does_not_stop_itself_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "plugins"))
    monkeypatch.setattr(processes, "GRACE_S", 0.5)
    student = {"hidden": 8, "layers": 2, "epochs": 5}
    problem = ProblemKey("karate", "public", "transductive")
    executor = ProcessExecutor(1, tmp_path)

    def job(key: str, fault: str, limit: float | None) -> Job:
        made = Configuration("faulty", "paper", {"fault": fault}, "mlp", student)
        return Job(key, "trial", made, problem, (100, 101), time_limit_s=limit)

    executor.submit(job("warm", "none", None))  # loading torch is no part of a job's time
    assert [executor.next_event()[1], executor.next_event()[1]] == [False, True]
    began = time.monotonic()
    executor.submit(job("hangs", "hang", 0.5))  # for ten minutes, were it not killed
    outcome, ended = executor.next_event()
    assert (outcome.status, outcome.seed, ended) == ("timeout", 100, True)
    assert time.monotonic() - began < 10
    executor.submit(job("after", "none", None))
    assert [executor.next_event()[0].status, executor.next_event()[0].status] == ["ok", "ok"]
    executor.close()
