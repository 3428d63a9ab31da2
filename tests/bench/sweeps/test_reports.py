"""EpochReport on the way: what an executor brings, what a verdict ends, and what the records keep of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from graph_distillery.bench.data.loading import load_dataset
from graph_distillery.bench.data.splits import make_split
from graph_distillery.bench.records import Record, read_records
from graph_distillery.bench.sweeps.executors import Executor
from graph_distillery.bench.sweeps.executors.in_process import InProcessExecutor
from graph_distillery.bench.sweeps.executors.processes import ProcessExecutor
from graph_distillery.bench.sweeps.jobs import EpochReport, Job
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.bench.training.artefacts import StoredArtefacts
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.bench.training.problem import ProblemKey

MLP = Configuration("supervised", student="mlp", student_hyper={"hidden": 8, "epochs": 7, "patience": 0})


def job(key: str, report_every: int) -> Job:
    return Job(key, "trial", MLP, ProblemKey("karate", "public", "transductive"), (1, 2), report_every=report_every)


def told(executor: Executor, verdicts: list[bool]) -> list[tuple[str, int, int, bool]]:
    """Events until the job is over: what came, its seed, its epochs, and whether that was the end."""
    found, over, left = [], False, list(verdicts)
    while not over:
        event = executor.next_event()
        if isinstance(event, EpochReport):
            go_on = left.pop(0) if left else True
            assert 0 <= event.score <= 1
            executor.resume(event.key, go_on)
            over = not go_on
            found.append((event.key, event.seed, event.epoch, over))
        else:
            outcome, over = event
            assert outcome.status == "ok", outcome.error
            found.append((outcome.key, outcome.seed, outcome.epochs, over))
    return found


@pytest.mark.parametrize("workers", [0, 1], ids=["in this process", "in a worker"])
def test_a_job_waits_at_each_report_and_one_that_is_stopped_frees_its_place(workers: int, tmp_path: Path) -> None:
    executor: Executor = (
        ProcessExecutor(workers, tmp_path) if workers else InProcessExecutor(StoredArtefacts(tmp_path).load)
    )
    executor.submit(job("whole", 3))
    assert told(executor, []) == [
        *[("whole", 1, 3, False), ("whole", 1, 6, False), ("whole", 1, 7, False)],
        *[("whole", 2, 3, False), ("whole", 2, 6, False), ("whole", 2, 7, True)],
    ]
    executor.submit(job("stopped", 3))
    assert told(executor, [True, False]) == [("stopped", 1, 3, False), ("stopped", 1, 6, True)]
    executor.submit(job("next", 0))
    assert told(executor, []) == [("next", 1, 7, False), ("next", 2, 7, True)]
    executor.close()


def trials_of(records: list[Record]) -> dict[tuple[str, int | None], list[Record]]:
    found: dict[tuple[str, int | None], list[Record]] = {}
    for record in records:
        if record.kind == "trial" and record.search:
            found.setdefault((record.cell.id, record.search.trial), []).append(record)
    return found


def test_successive_halving_of_a_real_sweep(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    search = {"trials": 10, "seeds": [100, 101], "pruner": "asha", "min_epochs": 4}
    student = {"model": "mlp", "hidden": 16, "epochs": 40, "patience": 0}
    plan = plan_of(datasets=["csbm"], students=[student], search=search)
    assert run_sweep(plan, tmp_path / "store").ok
    records = read_records(tmp_path / "store").records
    for record in records:  # those that were stopped on the way too
        _, split = make_split(load_dataset("csbm"), record.cell.split, record.seed)
        assert (record.cell.split_sha256, record.cell.test_sha256) == (split.sha256, split.test_sha256)
        assert record.cell.items
        assert record.cell.items.model_dump() == {p: getattr(split, p).numel() for p in ("train", "val", "test")}
    assert len({record.cell.split_sha256 for record in records}) == len({record.seed for record in records})
    trials = trials_of(records)
    stopped = 0
    for (cell, _), (first, *others) in trials.items():
        epochs = [epoch for epoch, _ in first.curve or ()]
        scores = [score for _, score in first.curve or ()]
        assert scores == sorted(scores)
        if first.status == "pruned":
            stopped += 1
            assert others == []
            assert first.timings.epochs == epochs[-1]
            assert epochs[-1] in (4, 12, 36)
            assert first.metrics.val == {"accuracy": scores[-1]}
            assert first.timings.train_s > 0
        elif cell in {c.id for c in plan.cells if c.student}:
            assert epochs == list(range(4, 40, 4))
            assert [(one.seed, one.curve) for one in others] == [(101, None)]
            assert first.metrics.val["accuracy"] >= scores[-1]
    assert stopped >= 8
