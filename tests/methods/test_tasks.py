"""Tasks answer for themselves: by hand, on their own stand-ins, and a plug-in's, whose students read rows of graphs."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.bench.conformance import Case, MethodConformance, cases_of
from graph_distillery.bench.data.checks import sound
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.info import DatasetInfo
from graph_distillery.bench.training.engine import Configuration, make_batches
from graph_distillery.bench.training.problem import ProblemKey
from graph_distillery.bench.training.rehearsal import rehearse
from graph_distillery.bench.training.speed import measure_speed
from graph_distillery.methods import METHODS, MethodInfo
from graph_distillery.methods.contract import Batch, Graph, Hyperparameters, Method, Output
from graph_distillery.methods.contract.task import StandIn
from graph_distillery.methods.task_info import TaskInfo
from graph_distillery.methods.tasks.classification import Classification
from graph_distillery.methods.tasks.registry import TASKS, make_task, stand_in_task
from graph_distillery.methods.tasks.stand_ins import rings, told_by_features
from graph_distillery.search_spaces import library


def test_links_by_hand() -> None:
    """Scores 0 and ln 3 are chances of 1/2 and 3/4; a pair that ranks as it should, and one that ties."""
    task = make_task("link-prediction", 1)
    logits, labels = torch.tensor([[math.log(3.0)], [0.0], [0.0]]), torch.tensor([1, 0, 1])
    expected = (-math.log(0.75) - 2 * math.log(0.5)) / 3
    assert float(task.label_loss(logits, labels)) == pytest.approx(expected, abs=1e-7)
    found = task.scores("roc_auc", logits, labels)
    assert found["roc_auc"] == pytest.approx(0.75)  # 1 above, and half for the tie, of two pairs
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["nll"] == pytest.approx(expected, abs=1e-7)
    assert task.best_constant("roc_auc", labels) == 0.5
    # KL(3/4 || 1/2) of a Bernoulli
    divergence = task.divergence(torch.zeros(1, 1), torch.tensor([[math.log(3.0)]]))
    assert float(divergence) == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5), abs=1e-7)


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=70))
def test_ranks_of_links_are_those_of_an_enumeration(rows: list[tuple[int, bool]]) -> None:
    """Few levels, so that ties abound: each goes against the positive."""
    rows += [(2, True), (2, False)]
    good, bad = ([score for score, linked in rows if linked == wanted] for wanted in (True, False))
    logits = torch.tensor([[float(score)] for score, _ in rows])
    found = make_task("link-prediction", 1).scores("hits_20", logits, torch.tensor([int(linked) for _, linked in rows]))
    ranks = [1 + sum(other >= score for other in bad) for score in good]
    assert found["mrr"] == pytest.approx(sum(1 / rank for rank in ranks) / len(ranks))
    for count in (10, 20, 50):
        if len(bad) >= count or count == 20:  # a hit is better than all but at most K - 1 negatives
            hits = sum(sum(other >= score for other in bad) < count for score in good)
            assert found[f"hits_{count}"] == pytest.approx(hits / len(good))
        else:
            assert f"hits_{count}" not in found
    wins = sum((score > other) + (score == other) / 2 for score in good for other in bad)
    assert found["roc_auc"] == pytest.approx(wins / (len(good) * len(bad)))


@pytest.mark.parametrize("name", TASKS.names)
def test_stand_ins_are_what_the_task_says(name: str) -> None:
    task = stand_in_task(name)
    for size in (10, 40):
        made = task.stand_in(torch.Generator().manual_seed(0), size)
        found = sound(Dataset.build(name, name, task.info.metrics[0], made.graph, made.labels, task.num_classes))
        assert (found.self_loops, found.repeats) == (0, 0)
        assert task.label_problem(made.labels) is None
        assert made.labels.shape[0] == task.items.count(made.graph)
        assert int(made.items.max()) < made.labels.shape[0]
        assert task.label_problem(task.other_labels(made.labels)) is None
        assert not bool((task.other_labels(made.labels) == made.labels).any())
    assert task.label_problem(made.labels + 5) is not None


def test_no_code_asks_for_a_task_by_name() -> None:
    """Neither methods nor the bench compare a value with a task's name; the record's own rules do (old records)."""
    rooms = [Path(inspect.getfile(place)).resolve().parents[1] for place in (Method, ProblemKey)]
    found = []
    for path in (file for room in rooms for file in room.rglob("*.py") if file.name != "schema.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare):
                words = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
                if words & set(TASKS.names):
                    found.append(f"{path.name}:{node.lineno}")
    assert found == []


# -- a task, a method and data that no room knows ------------------------------------------------------------------


class EncodedGraphs(Classification):
    """One class a graph; what tells it stands in a graph column, and nodes know nothing."""

    def stand_in(self, generator: torch.Generator, size: int = 10) -> StandIn:
        graph, items = rings(90, 5), torch.arange(90)
        graph = graph.with_features(torch.rand(graph.num_nodes, 4, generator=generator))
        labels = items % self.num_classes
        columns = {"encoding": told_by_features(labels, self.num_classes, generator)}
        return StandIn(graph.with_columns(graphs=columns), labels, items)


class RowsHyperparameters(Hyperparameters):
    weight: float = Field(1.0, ge=0, description="of the teacher's term")


class RowsOfGraphs(Method[RowsHyperparameters]):
    """Hinton et al. (2015) onto a student that reads one encoded row a graph."""

    Hyperparameters = RowsHyperparameters
    reads_graph_columns = True

    def new_student(self, num_features: int | None = None, **hyper: Any) -> nn.Module:
        assert self.context.data is not None
        return super().new_student(self.context.data.graph.graph_columns["encoding"].shape[1], **hyper)

    def inputs(self, graph: Graph) -> Graph:
        return graph.as_rows("encoding")

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        return {
            "labels": self.task.label_loss(student.logits[batch.labelled], batch.labels),
            "teacher": self.hyper.weight * self.task.divergence(student.logits, batch.teacher.logits),
        }


@pytest.fixture
def plugged_in(tmp_path: Path) -> Iterator[MethodInfo]:
    task = TaskInfo(
        "encoded-graphs", "One class an encoded graph", "graph", "class", ("accuracy",), ("graph-level",),
        f"{__name__}:EncodedGraphs",
    )  # fmt: skip
    info = MethodInfo(
        name="rows-of-graphs", title="Rows", paper="None", venue="nowhere", year=2000, url="https://example.org",
        family="logits", target=f"{__name__}:RowsOfGraphs", tasks=("encoded-graphs",), students=("mlp",),
        inference="features", own_term={"weight": 0.0}, without_own_term="supervised",
    )  # fmt: skip
    (tmp_path / "space.yaml").write_text(
        "name: rows-of-graphs\nkind: method\nparameters:\n  weight:\n    float: [0.1, 10.0]\n    default: 1.0\n"
        "    source: made up\n"
    )
    library.register_space("method", info.name, tmp_path / "space.yaml")
    TASKS.register(task)
    METHODS.register(info)
    yield info
    TASKS.unregister(task.name)
    METHODS.unregister(info.name)
    library._registered.pop(("method", info.name), None)


def checks_of_cases() -> list[str]:
    members = inspect.getmembers(MethodConformance, inspect.isfunction)
    return [name for name, each in members if "case" in inspect.signature(each).parameters]


def test_a_plug_in_task_and_its_method_conform(plugged_in: MethodInfo) -> None:
    """But for what remains without the own term: a plain student reads nodes, and these nodes tell nothing."""
    (case,) = cases_of(plugged_in.name)
    done = [name for name in checks_of_cases() if "own_term" not in name]
    assert len(done) >= 12
    for name in done:
        getattr(MethodConformance(), name)(case)
    plain = Case("supervised", "encoded-graphs", "mlp").trained()
    assert plain.validation["accuracy"] < 0.7 < case.trained().validation["accuracy"]


def test_rows_of_graphs_hold_no_node(plugged_in: MethodInfo) -> None:
    """What a step reads are the rows of its graphs alone, and requests pay for no more."""
    (case,) = cases_of(plugged_in.name)
    method, training = case.fresh(), case.example.problem.training
    source = make_batches(method, case.configuration(batch_size=16), case.example.problem)
    seen = []
    for batch in method.batches(source):
        assert (batch.graph.num_nodes, batch.graph.num_edges) == (0, 0)
        rows = training.graph.graph_columns["encoding"][batch.items]
        assert torch.equal(method.inputs(batch.graph).dense_features(), rows)
        assert torch.equal(batch.teacher.logits, case.example.teacher.logits[batch.items])
        seen += batch.items.tolist()
    assert sorted(seen) == list(range(training.num_items))
    assert measure_speed(method, case.example.problem, repeats=2).request_ms is not None


def test_a_plug_in_task_is_rehearsed(plugged_in: MethodInfo) -> None:
    data = DatasetInfo("d", "D", "encoded-graphs", "accuracy", ("holdout-70-30",), "", "generated", "d:d")
    student = Configuration(plugged_in.name, student="mlp", student_hyper={"hidden": 8})
    teacher = Configuration("supervised", student="gin", student_hyper={"hidden": 8})
    rehearse(student, data, data.splits[0], "graph-level", [teacher])
