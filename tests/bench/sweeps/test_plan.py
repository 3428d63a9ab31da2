"""What a spec expands to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import CONTROLS, Plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.methods import METHODS

PlanOf = Callable[..., Plan]

_PRINT_IDS = """
import json, sys
from graph_distillery.bench.sweeps.cell_run import CellRun
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec
plan = make_plan(parse_spec(json.loads(sys.argv[1]), "spec"))
runs = [CellRun(cell, plan.spec) for cell in plan.searches]
proposals = [[run.study.propose(n, []) for n in range(min(3, run.budget))] for run in runs]
print(json.dumps([plan.id, [t.id for t in plan.teachers], [c.id for c in plan.searches], proposals]))
"""


def test_one_spec_gives_the_same_ids_and_proposals_in_any_process(
    small: Callable[..., dict[str, Any]], repo_root: Path
) -> None:
    spec = small(
        datasets=["karate", "csbm"],
        teachers=[{"model": "sage", "tune": 2}, "gcn"],
        methods=["glnn", {"name": "kd", "fix": {"tau": 1.0}, "space": {"alpha": {"float": [0.1, 0.9]}}}, "fitnet"],
    )
    printed = set()
    for hash_seed in ("0", "1", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", _PRINT_IDS, json.dumps(spec)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(repo_root)},
            cwd=repo_root,
            capture_output=True,
            text=True,
            check=True,
        )
        printed.add(done.stdout)
    assert len(printed) == 1
    plan_id, teachers, cells, _ = json.loads(printed.pop())
    assert len({plan_id, *teachers, *cells}) == 1 + len(teachers) + len(cells)


def test_ids_follow_what_is_computed_and_nothing_else(plan_of: PlanOf) -> None:
    base = plan_of()
    same = [plan_of(name="other"), plan_of(resources={"time_limit_s": 5, "overrides": {"glnn": {"gpus": 0.5}}})]
    assert {plan.id for plan in same} == {base.id}
    changed = [
        plan_of(report={"seeds": 3}),
        plan_of(search={"trials": 4}),
        plan_of(search={"trials": 3, "sampler": "random"}),
        plan_of(search={"trials": 3, "seeds": [100, 101]}),
        plan_of(students=[{"model": "mlp", "hidden": 9}]),
        plan_of(teachers=[{"model": "sage", "hidden": 8, "epochs": 6}]),
        plan_of(methods=[{"name": "glnn", "fix": {"temperature": 2.0}}]),
        plan_of(split="random-60-20-20"),
        plan_of(setting="inductive"),
    ]
    assert len({base.id, *(plan.id for plan in changed)}) == 1 + len(changed)


def test_cells_are_the_product_less_what_is_unsupported(plan_of: PlanOf) -> None:
    datasets, teachers, students = ["karate", "motifs"], ["sage", "gcn"], ["mlp", "gcn"]
    plan = plan_of(datasets=datasets, teachers=teachers, students=students, methods=["glnn", "kd", "label-propagation"])
    expected = set()
    for dataset in datasets:
        for name in ("glnn", "kd", "label-propagation", *CONTROLS):
            info = METHODS.get(name)
            if not info.supports(DATASETS.get(dataset).task):
                continue
            for teacher in teachers if info.teacher != "none" else [None]:
                fitting = [student for student in students if MODELS.get(student).kind in info.students]
                expected |= {(dataset, teacher, student, name) for student in (fitting if info.students else [None])}
    found = [(c.data.dataset, c.teacher, c.student, c.method.name) for c in plan.cells]
    assert set(found) == expected
    assert len(found) == len(expected)
    reasons = " | ".join(plan.left_out)
    assert "karate: glnn trains mlp students, and gcn is of kind gnn" in reasons
    assert "motifs: label-propagation does not support graph-classification" in reasons
    assert {cell.data.setting for cell in plan.cells if cell.data.dataset == "motifs"} == {"graph-level"}


def test_the_controls_are_always_there_and_never_twice(plan_of: PlanOf) -> None:
    for methods in (["glnn"], ["glnn", "supervised"], ["supervised"], [*CONTROLS, "kd"]):
        names = [cell.method.name for cell in plan_of(methods=methods).cells]
        assert sorted(names) == sorted({*methods, *CONTROLS})


def test_an_empty_plan_is_an_error_that_says_why(plan_of: PlanOf) -> None:
    with pytest.raises(UserError, match=r"the plan is empty: motifs: .*does not support graph-classification"):
        plan_of(datasets=["motifs"], methods=["label-propagation"])
    with pytest.raises(UserError, match=r"the plan is empty: .*glnn needs a teacher"):
        plan_of(teachers=[])
    with pytest.raises(UserError, match=r"the plan is empty: .*needs a student"):
        plan_of(students=[])


def test_tuning_and_report_seeds_never_meet(plan_of: PlanOf) -> None:
    with pytest.raises(UserError, match="must be disjoint"):
        plan_of(search={"trials": 3, "seeds": [100, 1]}, report={"seeds": 2})
    plan = plan_of(search={"trials": 3, "seeds": [100, 2]}, report={"seeds": 2})
    assert not set(plan.spec.search.seeds) & set(plan.spec.report.seeds)


def test_a_pinned_hyperparameter_leaves_the_search(plan_of: PlanOf) -> None:
    plan = plan_of(methods=[{"name": "kd", "fix": {"tau": 1.5}, "space": {"alpha": {"float": [0.2, 0.4]}}}])
    cell = next(cell for cell in plan.cells if cell.method.name == "kd")
    assert "method.tau" not in cell.space.parameters
    assert cell.defaults["method.tau"] == 1.5
    assert cell.defaults["method.alpha"] == 0.9  # as published, though the range leaves it out
    assert cell.defaults["student.hidden"] == 8


def test_null_takes_back_what_a_preset_set(plan_of: PlanOf) -> None:
    def batch_sizes(**student: Any) -> set[Any]:
        plan = plan_of(datasets=["cora"], split="cpf", students=[{"model": "mlp", **student}])
        return {cell.defaults["student.batch_size"] for cell in plan.cells if cell.student}

    assert batch_sizes() == {512}  # GLNN's recipe on CPF's cora
    assert batch_sizes(batch_size=None) == batch_sizes(fix={"batch_size": None}) == {None}
    assert batch_sizes(space={"batch_size": {"choice": [None, 64]}}) == {512}  # what is searched moves no default
    with pytest.raises(UserError, match=r"^students: .*batch_size: expected an integer, got 'all'"):
        batch_sizes(batch_size="all")


EVERYTHING_LABELLED = [("mutag", "kfold-10", 2), ("ppi", "graphs", 2), ("cora", "cpf", 3)]


@pytest.mark.parametrize(("dataset", "split", "left"), EVERYTHING_LABELLED)
def test_kd_searches_no_unlabelled_items_where_all_have_a_label(dataset: str, split: str, left: int) -> None:
    """There its own term would act on nothing, and a third of the search would be `supervised` under its name."""
    setting = {"mutag": "graph-level", "ppi": "inductive"}.get(dataset, "transductive")
    content = {
        "name": "x",
        "datasets": [dataset],
        "split": split,
        "setting": setting,
        "teachers": ["gin" if dataset == "mutag" else "sage"],
        "students": ["mlp"],
        "methods": ["kd"],
        "search": {"trials": 3},
    }
    (cell,) = [cell for cell in make_plan(parse_spec(content, "x")).cells if cell.method.name == "kd"]
    choices = cell.space.parameters["method.node_set"].choices
    assert choices is not None
    assert len(choices) == left
    assert ("unlabelled" in choices) == (left == 3)
