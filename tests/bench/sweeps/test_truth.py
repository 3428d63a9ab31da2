"""What a sweep's numbers stand on: one configuration and seed gives one result, and no test label tunes anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loaders.generated.blocks import csbm
from graph_distillery.bench.records import Record, read_records
from graph_distillery.bench.sweeps.executors import Executor
from graph_distillery.bench.sweeps.executors.in_process import InProcessExecutor
from graph_distillery.bench.sweeps.executors.processes import ProcessExecutor
from graph_distillery.bench.sweeps.jobs import Job, Outcome
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.outcome import SweepOutcome
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.bench.training import problem
from graph_distillery.bench.training.artefacts import StoredArtefacts
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.bench.training.problem import ProblemKey

PlanOf = Callable[..., Plan]

# -- determinism ---------------------------------------------------------------------------------------------------

DATA = ProblemKey("csbm", "cpf", "transductive")
STUDENT = {
    "hidden": 16,
    "layers": 2,
    "dropout": 0.5,
    "epochs": 20,
    "lr": 0.01,
    "weight_decay": 0.0005,
    "batch_size": 64,
}
TEACHER = "0123456789abcdef"


def teacher_job() -> Job:
    made = Configuration("supervised", student="sage", student_hyper={"hidden": 16, "dropout": 0.5, "epochs": 10})
    return Job(TEACHER, "teacher", made, DATA, (0,))


def report_job(key: str, method: str, **hyper: Any) -> Job:
    made = Configuration(method, "paper", hyper, "mlp", STUDENT)
    return Job(key, "report", made, DATA, (0,), teachers={0: (TEACHER,)} if method != "supervised" else {})


JOBS = [
    report_job("a1", "glnn"),
    report_job("b1", "kd", alpha=0.5, tau=2.0),
    report_job("c1", "supervised"),
    report_job("a2", "glnn"),
    report_job("b2", "kd", alpha=0.5, tau=2.0),
]


def carried_out(executor: Executor, jobs: Sequence[Job]) -> dict[str, Outcome]:
    waiting, under_way, outcomes = list(jobs), 0, {}
    while waiting or under_way:
        while waiting and under_way < executor.slots:
            executor.submit(waiting.pop(0))
            under_way += 1
        outcome, ended = executor.next_event()
        assert outcome.status == "ok", outcome.error
        outcomes[outcome.key] = outcome
        under_way -= ended
    executor.close()
    return outcomes


def told(outcome: Outcome) -> tuple[Any, ...]:
    """Everything of an outcome that is no clock: accuracy, likelihood and calibration to the last bit."""
    return dict(outcome.validation), dict(outcome.test or {}), outcome.epochs, outcome.identity


def test_one_configuration_gives_one_result_on_any_executor_and_in_any_order(tmp_path: Path) -> None:
    torch.manual_seed(3)  # what was drawn before does not count
    cache = StoredArtefacts(tmp_path)
    executors: list[Executor] = [*(InProcessExecutor(cache.load) for _ in range(2)), ProcessExecutor(1, tmp_path)]
    artefacts = [carried_out(executor, [teacher_job()])[TEACHER].artefact for executor in executors]
    assert all(artefact is not None for artefact in artefacts)
    assert len({artefact.tensors for artefact in artefacts if artefact}) == 1  # weights, logits and hidden states
    cache.teachers.save(artefacts[0])  # type: ignore[arg-type]

    here = carried_out(InProcessExecutor(cache.load), JOBS)
    assert told(here["a1"]) == told(here["a2"])
    assert told(here["b1"]) == told(here["b2"])
    assert len({here[key].validation["nll"] for key in ("a1", "b1", "c1")}) == 3
    assert here["a1"].validation["accuracy"] > 0.5
    for executor, jobs in (
        (InProcessExecutor(cache.load), JOBS[::-1]),
        (ProcessExecutor(1, tmp_path), JOBS[::-1]),
        (ProcessExecutor(2, tmp_path), JOBS),
    ):
        there = carried_out(executor, jobs)
        assert {key: told(outcome) for key, outcome in there.items()} == {k: told(o) for k, o in here.items()}


# -- the sealed test set -------------------------------------------------------------------------------------------


def fixed_split() -> Dataset:
    """A block model whose test items are the same for every seed."""
    graph = csbm("karate", nodes=400)
    parts = torch.arange(60), torch.arange(60, 160), torch.arange(160, 400)
    return replace(graph, fixed_splits={"public": [parts]})


def garbled(dataset: Dataset) -> Dataset:
    """Other test labels, and nothing else: not even the hashes tell."""
    labels = dataset.labels.clone()
    labels[160:] = (labels[160:] + 1) % dataset.num_classes
    return replace(dataset, labels=labels)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[[Dataset], None]:
    """Puts a dataset in the place of karate's."""

    def put(dataset: Dataset) -> None:
        monkeypatch.setattr(problem, "HERE", problem.ProblemSource(lambda name, folder: dataset))

    return put


def without_clocks(record: Record) -> dict[str, Any]:
    content = record.model_dump(mode="json")
    del content["created"], content["speed"]
    content["timings"] = content["timings"]["epochs"]
    return content


@pytest.mark.parametrize("setting", ["transductive", "inductive"])
def test_no_test_label_reaches_a_trial_a_teacher_or_a_choice(
    plan_of: PlanOf, serve: Callable[[Dataset], None], tmp_path: Path, setting: str
) -> None:
    plan = plan_of(
        setting=setting,
        split="public",
        teachers=[{"model": "sage", "hidden": 8, "epochs": 5, "tune": 2}],
        methods=["glnn", "label-propagation"],
    )
    stores = {}
    for name, dataset in (("true", fixed_split()), ("garbled", garbled(fixed_split()))):
        serve(dataset)
        assert run_sweep(plan, tmp_path / name).ok
        stores[name] = read_records(tmp_path / name).records
    changed = same = 0
    for one, other in zip(stores["true"], stores["garbled"], strict=True):
        a, b = without_clocks(one), without_clocks(other)
        test_a, test_b = a["metrics"].pop("test"), b["metrics"].pop("test")
        files = [
            load_file(tmp_path / name / "predictions" / f"{sha256}.safetensors")
            for name, of in (("true", a), ("garbled", b))
            if (sha256 := of.pop("predictions_sha256", None)) is not None
        ]
        assert len(files) == (2 if one.kind == "report" else 0)
        if one.kind == "report":  # a test score at its majority's share says so
            a.pop("collapsed", None), b.pop("collapsed", None)
        if files:  # which predictions are right is all that the labels decide
            kept = [{part: value for part, value in each.items() if not part.endswith(".right")} for each in files]
            assert kept[0].keys() == kept[1].keys()
            assert all(torch.equal(value, kept[1][part]) for part, value in kept[0].items())
        assert a == b
        assert (test_a is None) == (one.kind != "report")
        changed += test_a != test_b
        same += one.kind == "report" and test_a == test_b
    assert changed >= 10
    assert same == 0
    tuned = {
        (each.cell.method, each.cell.teacher_tuned) for each in stores["true"] if each.kind in ("teacher", "report")
    }
    assert tuned == {
        ("supervised", True), ("supervised", None), ("teacher", True), ("glnn", True), ("label-propagation", None),
        ("majority", None),
    }  # fmt: skip
    teachers = sorted((tmp_path / "true" / "teachers").glob("*/teacher.safetensors"))
    assert len(teachers) == 5
    for teacher in teachers:
        twin = tmp_path / "garbled" / teacher.relative_to(tmp_path / "true")
        assert teacher.read_bytes() == twin.read_bytes()


# -- a whole sweep -------------------------------------------------------------------------------------------------


def swept(plan: Plan, store: Path, workers: int = 0) -> tuple[SweepOutcome, list[Record]]:
    summary = run_sweep(plan, store, Means(workers=workers))
    return summary, read_records(store).records


def mean_score(records: Sequence[Record]) -> float:
    return sum(record.metrics.val[record.cell.metric] for record in records) / len(records)


def test_a_tuned_teacher_is_searched_first_and_its_winner_trains_the_teachers(plan_of: PlanOf, tmp_path: Path) -> None:
    plan = plan_of(
        datasets=["csbm"], teachers=[{"model": "sage", "epochs": 4, "tune": 3}], search={"trials": 2, "pruner": "none"}
    )
    summary, records = swept(plan, tmp_path / "store")
    assert summary.ok
    search = plan.teachers[0].search
    assert search is not None
    trials: dict[int | None, list[Record]] = defaultdict(list)
    for record in records:
        if record.cell.id == search.id:
            assert record.search is not None
            assert record.kind == "trial"  # a teacher's search is no row of a board
            trials[record.search.trial].append(record)
    assert {number: len(of) for number, of in trials.items()} == {0: 3, 1: 3, 2: 3}
    last = max(record.created for of in trials.values() for record in of)
    winner = max(trials.values(), key=mean_score)[0].hparams
    teachers = [record for record in records if record.kind == "teacher"]
    assert {record.seed for record in teachers} == {0, 1, 100, 101, 102}
    assert all(record.hparams == winner and record.created > last for record in teachers)


def test_the_lock_and_the_reports_of_a_real_sweep(plan_of: PlanOf, tmp_path: Path) -> None:
    plan = plan_of(datasets=["csbm"], search={"trials": 6, "seeds": [100, 101, 102]})
    summary, records = swept(plan, tmp_path / "store")
    assert summary.ok
    of_cell: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        of_cell[record.cell.id].append(record)
    pruned = 0
    for cell in plan.cells:
        trials: dict[int, list[Record]] = defaultdict(list)
        for record in of_cell[cell.id]:
            assert record.search is not None
            if record.kind == "trial" and record.search.trial is not None:
                trials[record.search.trial].append(record)
        pruned += sum(of[-1].status == "pruned" for of in trials.values())
        complete = {number: of for number, of in trials.items() if [r.status for r in of] == ["ok"] * 3}
        assert set(trials) == set(range(6 if cell.space.parameters else 0))
        reports = [record for record in of_cell[cell.id] if record.kind == "report"]
        locked = {r.search.selection: r.hparams for r in reports if r.search}
        if complete:
            best = max(complete, key=lambda number: (round(mean_score(complete[number]), 12), -number))
            assert locked.get("tuned", locked.get("both")) == complete[best][0].hparams
        assert locked.get("default", locked.get("both")) == dict(cell.defaults)
        seeds = sorted((r.search.selection, r.seed) for r in reports if r.search)
        assert seeds == sorted((selection, seed) for selection in locked for seed in (0, 1))
    assert pruned
    again, unchanged = swept(plan, tmp_path / "store")
    assert again.new == 0
    assert unchanged == records
