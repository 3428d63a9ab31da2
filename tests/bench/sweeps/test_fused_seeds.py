"""A sweep whose seeds are one program finds what one finds that trains them one after another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Record, read_records
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.executors.in_process import InProcessExecutor
from graph_distillery.bench.sweeps.jobs import Job
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.store.store import Store


def spec_of(fused: str) -> dict[str, Any]:
    return {
        "name": "fused",
        "datasets": ["digits-knn"],
        "students": [{"model": "mlp", "layers": 2, "hidden": 8, "epochs": 4}],
        "methods": ["supervised"],
        "search": {"trials": 2, "seeds": [100, 101], "pruner": "none"},
        "report": {"seeds": 3, "ablated": False},
        "resources": {"fused": fused},
    }


def swept(fused: str, folder: Path) -> tuple[dict[str, Record], list[Job]]:
    """The records by id, and the jobs that were given out."""
    plan, jobs = make_plan(parse_spec(spec_of(fused), "test")), list[Job]()
    with Store(folder / fused, plan) as store:
        driver = Driver(plan, store)
        executor = InProcessExecutor(store.artefacts.load)
        submit = executor.submit

        def noted(job: Job) -> None:
            jobs.append(job)
            submit(job)

        executor.submit = noted  # type: ignore[method-assign]
        driver.run(executor)
        assert driver.is_done()
    return {record.id: record for record in read_records(folder / fused).records}, jobs


def test_trials_and_reports_are_the_same_together(tmp_path: Path) -> None:
    (alone, one_by_one), (together, at_once) = (swept(fused, tmp_path) for fused in ("never", "always"))
    assert alone.keys() == together.keys()
    for name, record in alone.items():
        other = together[name]
        assert (record.status, record.seed, record.hparams) == (other.status, other.seed, other.hparams)
        assert record.metrics.val == pytest.approx(other.metrics.val, abs=1e-5)
        if record.metrics.test is not None:
            assert record.metrics.test == pytest.approx(other.metrics.test, abs=1e-5)
    reports = [[job.seeds for job in jobs if job.purpose == "report"] for jobs in (one_by_one, at_once)]
    assert {len(seeds) for seeds in reports[0]} == {1}
    assert {len(seeds) for seeds in reports[1]} == {3}
    assert {job.fused for job in at_once if len(job.seeds) > 1} == {True}


def test_what_it_may_say() -> None:
    with pytest.raises(UserError, match=r"resources\.fused"):
        parse_spec(spec_of("sometimes"), "test")
