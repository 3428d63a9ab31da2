"""A store that is asked for more: what is there stays, and the end is that of asking for it all at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store.files import plan_of
from graph_distillery.bench.sweeps.store.kept_status import read_status
from graph_distillery.bench.sweeps.sweep import run_sweep

PlanOf = Callable[..., Plan]

MLP = {"model": "mlp", "hidden": 8, "layers": 2, "epochs": 5}
KD = {"name": "kd", "space": {"alpha": {"float": [0.1, 0.9]}}}
BASE: dict[str, Any] = {"methods": [KD], "search": {"trials": 3, "seeds": [100, 101, 102]}}


def told(store: Path) -> set[tuple[Any, ...]]:
    """All of the records that is no clock, and that they say of what budget their reports are."""
    found = set()
    for record in read_records(store).records:
        search = record.search
        named = (search.trial, search.selection, search.space) if search else None
        budget = (search.trials, search.budget) if search and record.kind == "report" else None
        scores = json.dumps([record.hparams, record.metrics.model_dump(), record.curve], sort_keys=True)
        cell = (record.cell.id, record.cell.teacher_id, record.cell.split_sha256)
        found.add((record.kind, record.id, record.status, record.seed, *cell, named, budget, scores))
    return found


def trained(store: Path) -> Counter[tuple[Any, ...]]:
    """How often each teacher, trial and report was trained, every line read: what is taken over says when that was."""
    lines = [json.loads(line) for file in (store / "records").glob("*.jsonl") for line in file.read_text().splitlines()]
    runs = {
        (r["kind"], r["cell"]["id"], r["seed"], json.dumps(r["hparams"], sort_keys=True), r["created"]) for r in lines
    }
    counted: dict[tuple[Any, ...], int] = {}
    for kind, *what, _ in runs:
        if kind != "speed":
            counted[kind, *what] = counted.get((kind, *what), 0) + 1
    return counted


GROWN: dict[str, dict[str, Any]] = {
    "report seeds and a method": {"report": {"seeds": 3}, "methods": [KD, "label-propagation"]},
    "a student, a teacher and a dataset": {
        "datasets": ["digits-knn", "karate"],
        "teachers": [{"model": "gcn", "hidden": 8, "epochs": 5}, {"model": "sage", "hidden": 8, "epochs": 5}],
        "students": [MLP, {**MLP, "hidden": 4}],
        "search": {"trials": 1, "seeds": [100]},
        "methods": ["glnn"],
    },
    "trials, a method, and all that may change": {
        "name": "other",
        "resources": {"time_limit_s": 600},
        "methods": ["lsp", KD],
        "search": {**BASE["search"], "trials": 7},
        "report": {"seeds": 3},
    },
}


@pytest.mark.parametrize("more", GROWN.values(), ids=GROWN)
def test_a_grown_store_is_the_store_that_asked_for_it_at_once(
    plan_of: PlanOf, tmp_path: Path, more: dict[str, Any]
) -> None:
    common = {**BASE, "students": [MLP]}
    small = {key: more[key] for key in ("search", "methods") if "datasets" in more}
    assert run_sweep(plan_of(**{**common, **small}), tmp_path / "grown").ok
    first = {record.id: record for record in read_records(tmp_path / "grown").records}
    wanted = plan_of(**{**common, **more})
    assert run_sweep(wanted, tmp_path / "grown").ok
    assert run_sweep(wanted, tmp_path / "once").ok
    assert told(tmp_path / "grown") == told(tmp_path / "once")
    assert plan_of_ids(tmp_path / "grown") == plan_of_ids(tmp_path / "once")
    after = {record.id: record for record in read_records(tmp_path / "grown").records}
    assert all(after[id_] == record for id_, record in first.items() if id_ in after)
    assert {id_ for id_ in first if id_ not in after} <= {
        id_ for id_ in first if first[id_].kind in ("report", "speed")
    }
    assert set(trained(tmp_path / "grown").values()) == {1}
    assert all(cell.state == "done" for cell in read_status(tmp_path / "grown").cells)
    assert run_sweep(wanted, tmp_path / "grown").new == 0


def plan_of_ids(store: Path) -> tuple[set[str], set[str]]:
    plan = plan_of(store)
    return {cell.id for cell in plan.searches}, {teacher.id for teacher in plan.teachers}


@pytest.mark.parametrize(("sampler", "pruner"), [("grid", "asha"), ("nsga-ii", "hyperband"), ("tpe", "none")])
def test_no_sampler_and_no_pruner_hangs_on_how_many_trials_there_will_be(
    plan_of: PlanOf, tmp_path: Path, sampler: str, pruner: str
) -> None:
    search = {"sampler": sampler, "pruner": pruner, "seeds": [100, 101], "min_epochs": 1, "reduction_factor": 2}
    students = [{**MLP, "epochs": 4}]
    for trials in (2, 9, 16 if sampler == "tpe" else 11):  # it proposes from ten trials on, and sees those up to n - 4
        one = plan_of(methods=[KD], students=students, search={**search, "trials": trials})
        assert run_sweep(one, tmp_path / "grown").ok
    assert run_sweep(one, tmp_path / "once").ok
    assert told(tmp_path / "grown") == told(tmp_path / "once")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "split": ({"split": "random-60-20-20"}, r"split: .* random-60-20-20 here"),
    "space": (
        {"methods": ["glnn", {"name": "kd", "space": {"alpha": {"float": [0.2, 0.9]}}}]},
        r"methods: .*\[0.2, 0.9",
    ),
    "default": ({"students": [{**MLP, "hidden": 9}]}, 'students: .*"hidden": 9'),
    "teacher": ({"teachers": [{"model": "sage", "hidden": 9, "epochs": 5}]}, 'teachers: .*"hidden": 9'),
    "tuned teacher": ({"teachers": [{"model": "sage", "hidden": 8, "epochs": 5, "tune": 1}]}, 'teachers: .*"tune": 1'),
    "tuning seeds": ({"search": {"trials": 3, "seeds": [100, 101]}}, r"search\.seeds: \[100, 101, 102\] there"),
    "sampler": ({"search": {**BASE["search"], "sampler": "random"}}, r"search\.sampler: tpe there, random here"),
    "fewer trials": ({"search": {**BASE["search"], "trials": 2}}, r"search\.trials: 3 there, 2 here"),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("finished") / "store"


@pytest.mark.parametrize(("changed", "line"), REFUSED.values(), ids=REFUSED)
def test_what_would_change_finished_work_is_refused_before_anything_starts_and_nothing_is_written(
    plan_of: PlanOf, finished: Path, changed: dict[str, Any], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = {**BASE, "students": [MLP]}
    if not finished.exists():
        assert run_sweep(plan_of(**common), finished).ok
    before = {file: file.read_bytes() for file in finished.rglob("*") if file.is_file()}
    monkeypatch.setattr("graph_distillery.bench.sweeps.data_check.load_problem", lambda *_: pytest.fail("was begun"))
    with pytest.raises(UserError, match=line) as caught:
        run_sweep(plan_of(**{**common, **changed}), finished)
    assert "\n" not in str(caught.value)
    assert str(finished) in str(caught.value)
    assert {file: file.read_bytes() for file in finished.rglob("*") if file.is_file()} == before


def test_what_a_spec_does_not_name_any_more_stays_and_is_said(plan_of: PlanOf, tmp_path: Path) -> None:
    search = {"trials": 1, "seeds": [100]}
    fields = {"students": [MLP], "methods": [KD], "search": search, "report": {"seeds": 3}}
    assert run_sweep(plan_of(**fields), tmp_path / "store").ok
    said: list[str] = []
    less = {**fields, "datasets": ["digits-knn"], "methods": ["glnn"], "report": {"seeds": [1, 4]}}
    assert run_sweep(plan_of(**less), tmp_path / "store", on_message=said.append).ok
    line = "datasets: karate stays; methods: kd stays; report.seeds: 0, 2 stay: what a store was asked for, it keeps"
    assert said[0] == f"{tmp_path / 'store'}: {line}"
    both = {**fields, "datasets": ["karate", "digits-knn"], "methods": [KD, "glnn"], "report": {"seeds": [0, 1, 2, 4]}}
    assert run_sweep(plan_of(**both), tmp_path / "store").new == 0
    assert run_sweep(plan_of(**both), tmp_path / "once").ok
    assert told(tmp_path / "store") == told(tmp_path / "once")
