"""What every executor owes the driver, checked on each: in this process, in worker processes, on Ray."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.ids import content_id
from graph_distillery.bench.sweeps.executors import Executor
from graph_distillery.bench.sweeps.jobs import EpochReport, Job, Outcome
from graph_distillery.bench.training.artefacts import StoredArtefacts
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.bench.training.problem import ProblemKey

DATA = ProblemKey("karate", "random-60-20-20", "inductive")
MLP = {"hidden": 8, "layers": 2, "epochs": 6}
TEACHERS = {model: content_id(model) for model in ("gcn", "sage")}
PROPAGATED = {seed: {"propagated-features": content_id(["propagated", seed])} for seed in (0, 1)}


@pytest.fixture(scope="module", params=("in process", "processes", "ray"))
def executor(
    request: pytest.FixtureRequest,
    connect: Callable[[str], None],
    made_by: Callable[[str, Path], Executor],
    reference: tuple[Path, Any],
) -> Iterator[Executor]:
    """One of each kind, for all jobs of this module, over a store with two teachers and two artefacts."""
    connect(request.param)
    made = made_by(request.param, reference[0])
    yield made
    made.close()


def teacher_job(model: str) -> Job:
    made = Configuration("supervised", student=model, student_hyper={"hidden": 8, "epochs": 4})
    return Job(TEACHERS[model], "teacher", made, DATA, (0,))


def artefact_job(seed: int) -> Job:
    made = Configuration("sgc", method_hyper={"hops": 3}, student="mlp", student_hyper=MLP)
    name_and_id = PROPAGATED[seed]
    return Job(*name_and_id.values(), "artefact", made, DATA, (seed,), artefacts={seed: name_and_id})  # type: ignore[misc]


def report_job(method: str, seeds: tuple[int, ...] = (0,), **hyper: Any) -> Job:
    taught_by = {"kd": ("gcn",), "committee": ("sage", "gcn")}.get(method, ())
    return Job(
        content_id([method, seeds]),
        "report",
        Configuration(method, "paper", hyper, "mlp", MLP),
        DATA,
        seeds,
        teachers={seed: tuple(TEACHERS[model] for model in taught_by) for seed in seeds} if taught_by else {},
        artefacts={seed: PROPAGATED[seed] for seed in seeds} if method == "sgc" else {},
    )


MAKERS = [teacher_job("gcn"), teacher_job("sage"), artefact_job(0), artefact_job(1)]
REPORTS = [report_job("kd"), report_job("committee"), report_job("sgc", (0, 1), hops=3), report_job("supervised")]


def outcomes(executor: Executor, job: Job) -> list[Outcome]:
    """All that comes of a job, told to go on wherever it asks."""
    executor.submit(job)
    found: list[Outcome] = []
    while True:
        event = executor.next_event()
        if isinstance(event, EpochReport):
            executor.resume(event.key, True)
            continue
        found.append(event[0])
        if event[1]:
            return found


def told(outcome: Outcome) -> tuple[Any, ...]:
    """Everything of an outcome that is no clock, to the last bit."""
    test = None if outcome.test is None else dict(outcome.test)
    made = None if outcome.artefact is None else (outcome.artefact.id, outcome.artefact.tensors)
    return outcome.key, outcome.seed, outcome.status, dict(outcome.validation), test, outcome.identity, made


@pytest.fixture(scope="module")
def reference(
    tmp_path_factory: pytest.TempPathFactory, plugged_in: None, made_by: Callable[[str, Path], Executor]
) -> tuple[Path, dict[str, list[tuple[Any, ...]]]]:
    """A store with what jobs are carried out with, and what comes of each job in this process."""
    store = tmp_path_factory.mktemp("store")
    here, kept = made_by("in process", store), StoredArtefacts(store)
    found = {}
    for job in [*MAKERS, *REPORTS]:
        every = outcomes(here, job)
        assert [outcome.status for outcome in every] == ["ok"] * len(job.seeds), every
        found[job.key] = [told(outcome) for outcome in every]
        for outcome in every:
            if outcome.artefact is not None:
                (kept.teachers if job.purpose == "teacher" else kept.others).save(outcome.artefact)
    scores = {str(found[job.key][0][3]) for job in REPORTS}
    assert len(scores) == len(REPORTS)  # one teacher, two, propagated features or none: no two are the same
    return store, found


def test_teachers_and_artefacts_are_made_and_carried_with_the_same_bits(
    executor: Executor, reference: tuple[Path, dict[str, list[tuple[Any, ...]]]]
) -> None:
    for job in [*MAKERS, *REPORTS]:
        assert [told(outcome) for outcome in outcomes(executor, job)] == reference[1][job.key], job.key


def test_what_fails_ends_its_job_in_one_line_and_the_next_job_runs(executor: Executor) -> None:
    def faulty(fault: str) -> Job:
        made = Configuration("faulty", "paper", {"fault": fault}, "mlp", MLP)
        return Job(fault, "trial", made, DATA, (0, 1))

    for fault, status, words in (
        ("raise", "failed", "RuntimeError: the loss broke"),
        ("nan", "nan", "the loss is nan in epoch 2"),
        ("memory error", "oom", "MemoryError"),
        ("exit", "failed", "SystemExit: 3"),
    ):
        (outcome,) = outcomes(executor, faulty(fault))
        assert (outcome.seed, outcome.status) == (0, status)
        assert words in str(outcome.error)
        assert outcome.environment is not None
    (outcome,) = outcomes(executor, replace(report_job("kd"), teachers={0: (content_id("nobody"),)}))
    assert outcome.status == "failed"
    assert str(outcome.error).startswith(f"teacher {content_id('nobody')}: cannot be read from ")
    unmade = replace(report_job("sgc"), artefacts={})
    (outcome,) = outcomes(executor, unmade)
    assert (outcome.status, outcome.error) == (
        "failed",
        "method 'sgc' needs artefact 'propagated-features', which was not made",
    )
    wide = Configuration("sgc", method_hyper={"hops": -1}, student="mlp", student_hyper=MLP)
    (outcome,) = outcomes(executor, replace(artefact_job(0), configuration=wide))
    assert (outcome.status, outcome.artefact) == ("failed", None)
    assert [outcome.status for outcome in outcomes(executor, faulty("none"))] == ["ok", "ok"]


def test_a_job_that_reports_waits_for_its_answer_and_one_that_is_stopped_frees_its_place(executor: Executor) -> None:
    made = Configuration("supervised", student="mlp", student_hyper=MLP)
    job = Job("reports", "trial", made, DATA, (0, 1), report_every=2)
    executor.submit(job)
    seen: list[tuple[Any, ...]] = []
    for answer in (True, True, None, True, False):
        event = executor.next_event()
        if answer is None:
            assert not isinstance(event, EpochReport)
            assert (event[0].seed, event[0].status, event[1]) == (0, "ok", False)
            continue
        assert isinstance(event, EpochReport)
        seen.append((event.seed, event.epoch))
        executor.resume(event.key, answer)
    assert seen == [(0, 2), (0, 4), (1, 2), (1, 4)]
    after = outcomes(executor, replace(job, key="after", report_every=0))
    assert [(outcome.key, outcome.seed, outcome.status) for outcome in after] == [
        ("after", 0, "ok"),
        ("after", 1, "ok"),
    ]
