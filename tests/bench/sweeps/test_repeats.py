"""A configuration that was trained is not trained again: its scores are taken over, and the record says so."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.records import Record, parse_record, read_records
from graph_distillery.bench.sweeps.executors.in_process import InProcessExecutor
from graph_distillery.bench.sweeps.jobs import Job
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.sweep import run_sweep


@pytest.fixture(autouse=True)
def stubborn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sampler is asked once, so that what it repeats stays. No speed is measured."""
    monkeypatch.setattr("graph_distillery.bench.sweeps.cell_run.CellRun.next_speed", lambda self: None)
    monkeypatch.setattr("graph_distillery.bench.sweeps.study.study.ATTEMPTS", 1)


@pytest.fixture
def plan(plan_of: Callable[..., Plan]) -> Plan:
    """Two points, and beside them a range, so that the space has no end."""
    space = {
        "alpha": {"choice": [0.3, 0.5, 0.9]},
        "tau": {"float": [1.0, 8.0], "when": {"alpha": 0.9}},
    }
    return plan_of(
        students=[{"model": "mlp", "fix": {"hidden": 8, "layers": 1, "norm": "none", "epochs": 4}, **_PINNED}],
        methods=[{"name": "kd", "fix": {"node_set": "observed"}, "space": space}],
        search={"trials": 12, "seeds": [100, 101, 102], "sampler": "random"},
        report={"seeds": 1},
    )


_PINNED = {"dropout": 0.0, "residual": False, "lr": 0.01, "weight_decay": 0.0}


def trials_of(store: Path) -> dict[int, dict[int, Record]]:
    found: dict[int, dict[int, Record]] = defaultdict(dict)
    for record in read_records(store).records:
        if record.kind == "trial" and record.cell.method == "kd" and record.search and record.search.trial is not None:
            found[record.search.trial][record.seed] = record
    return found


def test_scores_are_taken_over(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, essence_of: Callable[[Path], dict[str, Any]]
) -> None:
    trained: list[str] = []
    submit = InProcessExecutor.submit

    def spied(executor: InProcessExecutor, job: Job) -> None:
        if job.purpose == "trial" and job.configuration.method == "kd":
            trained.extend(f"{sorted(job.configuration.method_hyper.items())} {seed}" for seed in job.seeds)
        submit(executor, job)

    monkeypatch.setattr(InProcessExecutor, "submit", spied)
    assert run_sweep(plan, tmp_path / "store").ok
    assert len(trained) == len(set(trained))
    trials = trials_of(tmp_path / "store")
    assert sorted(trials) == list(range(12))
    first: dict[str, int] = {}
    repeated = 0
    for number, of in sorted(trials.items()):
        original = first.setdefault(str(sorted(of[100].hparams.items())), number)
        for seed, record in of.items():
            if original == number:
                assert record.repeats is None
                continue
            repeated += 1
            known = trials[original][seed]
            assert (record.repeats, record.timings.train_s) == (known.id, 0.0)
            assert (record.metrics, record.status, record.hparams) == (known.metrics, known.status, known.hparams)
            assert parse_record(record.to_json()) == record
        assert of.keys() == trials[original].keys()
    assert repeated > 3, "nothing was repeated, so nothing is shown"

    # whatever the workers are at, and however often they are interrupted
    def after(records: int) -> Callable[[Any], Any]:
        count = itertools.count(1)

        def listen(record: Any) -> None:
            if next(count) == records:
                raise KeyboardInterrupt

        return lambda driver: listen

    for records in (9, 13, 17):
        with pytest.raises(KeyboardInterrupt):
            run_sweep(plan, tmp_path / "killed", listener=after(records))
    assert run_sweep(plan, tmp_path / "killed", Means("local", 2)).ok
    assert essence_of(tmp_path / "killed") == essence_of(tmp_path / "store")
