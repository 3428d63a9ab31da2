"""A student of cpf goes with the labels that it propagates."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.students.card import saved_in
from graph_distillery.bench.students.student import load_student
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.store.students import StudentsKept
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.bench.training.problem import ProblemKey, load_problem, open_test_set


def test_a_student_of_cpf_predicts_what_its_record_says(tmp_path: Path) -> None:
    fast = {"model": "gcn", "hidden": 8, "epochs": 5}
    spec = {
        "name": "cpf", "datasets": ["karate"], "split": "random-60-20-20", "teachers": [fast],
        "students": [{"model": "plp", "epochs": 5}], "methods": ["cpf"], "search": {"trials": 0},
        "report": {"seeds": 1, "ablated": False},
    }  # fmt: skip
    plan = make_plan(parse_spec(spec, "spec"))
    run_sweep(plan, tmp_path / "store", Means(), on_message=lambda line: None, students=StudentsKept("best"))
    (name,) = (name for name, card in saved_in(tmp_path / "store").items() if card.method == "cpf")
    student = load_student(tmp_path / "store" / "students" / name)
    graph = load_problem(ProblemKey("karate", "random-60-20-20", "transductive"), 0).training.graph
    part = open_test_set(ProblemKey("karate", "random-60-20-20", "transductive"), 0).parts["all"]
    found = student.predict(graph, part.items)
    assert float((found.classes == part.labels).double().mean()) == student.card.scores["test"]["accuracy"]
    assert "given_labels of the nodes it was trained with" in student.card.needs
    with pytest.raises(UserError, match="reads given_labels of the 34 nodes that it was trained with"):
        student.predict(graph.with_features(torch.rand(34, graph.num_features)))
