"""Methods with several of a thing, as an author would write them, through the whole of the conformance suite."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.bench.conformance import Case, MethodConformance, cases_of
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training.engine import build, train
from graph_distillery.bench.training.judging import judge, validation_score
from graph_distillery.bench.training.speed import answer, measure_speed
from graph_distillery.methods import METHODS, MethodInfo
from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.search_spaces import library

NODES, GRAPHS = "node-classification", "graph-classification"


class WeightHyperparameters(Hyperparameters):
    weight: float = Field(0.5, ge=0, description="weight of what is taught")


class EnsembleHyperparameters(WeightHyperparameters):
    members: int = Field(5, ge=1, description="students that are trained side by side")


class Ensemble(Method[EnsembleHyperparameters]):
    """After Breiman (1996), without the bags: the mean of the members' logits is trained, and predicts."""

    Hyperparameters = EnsembleHyperparameters
    quick: ClassVar[dict[str, Any]] = {"members": 2}
    predicts_by_item = True

    def setup(self) -> None:
        self.rest = nn.ModuleList(self.new_student() for _ in range(self.hyper.members - 1))
        if self.hyper.weight == 0:
            self.epoch_items = "labelled"

    def inference_modules(self) -> Sequence[nn.Module]:
        return [*super().inference_modules(), *self.rest]

    def forward(self, graph: Graph) -> Output:
        return Output(torch.stack([member(graph).logits for member in self.inference_modules()]).mean(dim=0))

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        terms = {"labels": self.task.label_loss(student.logits[batch.labelled], batch.labels)}
        if self.hyper.weight > 0:
            terms["teacher"] = self.hyper.weight * self.task.divergence(student.logits, batch.teacher.logits)
        return terms


class TwoTeachers(Method[WeightHyperparameters]):
    """After You et al. (2017): the logits of the mean teacher, and each teacher's own states through a head."""

    Hyperparameters = WeightHyperparameters

    def setup(self) -> None:
        if self.hyper.weight == 0:
            self.epoch_items = "labelled"
            return
        classes = self.context.task.num_classes
        self.heads = nn.ModuleList(nn.Linear(classes, teacher.hidden[-1].shape[1]) for teacher in self.teachers)

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        terms = {"labels": self.task.label_loss(student.logits[batch.labelled], batch.labels)}
        if self.hyper.weight > 0:
            mean = torch.stack([teacher.logits for teacher in batch.teachers]).mean(dim=0)
            terms["teachers"] = self.hyper.weight * self.task.divergence(student.logits, mean)
            if self.task.level == "node":
                for number, (head, teacher) in enumerate(zip(self.heads, batch.teachers, strict=True)):
                    distance = (head(student.logits) - teacher.hidden[-1]).square().mean()
                    terms[f"states of {number}"] = self.hyper.weight * distance
        return terms


class Pair(Method[WeightHyperparameters]):
    """After Zhang et al. (2018): two students that are each other's teacher, judged one by one."""

    Hyperparameters = WeightHyperparameters

    def setup(self) -> None:
        self.second = self.new_student()
        self.judged_by = "best" if self.context.variant == "best-of-two" else "mean"
        if self.hyper.weight == 0:
            self.epoch_items = "labelled"

    def predictions(self, graph: Graph) -> Sequence[Output]:
        return [self(graph), self.second(graph)]

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        outputs = (student, self.second(batch.graph))
        terms = {}
        for number, (own, other) in enumerate(zip(outputs, reversed(outputs), strict=True)):
            terms[f"labels {number}"] = self.task.label_loss(own.logits[batch.labelled], batch.labels)
            if self.hyper.weight > 0:
                divergence = self.task.divergence(own.logits, other.logits.detach())
                terms[f"mutual {number}"] = self.hyper.weight * divergence
        return terms


def entry(method: type[Method[Any]], name: str, **facts: Any) -> MethodInfo:
    return MethodInfo(
        name=name, title=name, paper="None", venue="nowhere", year=2000, url="https://example.org", family="several",
        target=f"{__name__}:{method.__name__}", **{"tasks": (NODES,), "own_term": {"weight": 0.0}, **facts},
    )  # fmt: skip


INFOS = {
    info.name: info
    for info in (
        entry(Ensemble, "ensemble", own_term={"weight": 0.0, "members": 1}),
        entry(TwoTeachers, "two-teachers", teacher="many", tasks=(NODES,)),
        entry(Pair, "pair", teacher="none", variants={"paper": "the mean", "best-of-two": "the better one"},
              test_selected=("best-of-two",)),
    )
}  # fmt: skip


@pytest.fixture(autouse=True)
def registered(tmp_path: Path) -> Iterator[None]:
    for name, info in INFOS.items():
        fixed = "\nfixed:\n  members: 5\n" if name == "ensemble" else "\n"
        weight = "\nparameters:\n  weight:\n    float: [0.1, 1.0]\n    default: 0.5\n    source: made up"
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\nkind: method{weight}{fixed}")
        library.register_space("method", name, tmp_path / f"{name}.yaml")
        METHODS.register(info)
    yield
    for name in INFOS:
        METHODS.unregister(name)
        library._registered.pop(("method", name))


@pytest.mark.parametrize("name", INFOS)
def test_it_conforms(name: str) -> None:
    suite = MethodConformance()
    for check in (getattr(suite, each) for each in dir(suite) if each.startswith("test_")):
        if "case" in inspect.signature(check).parameters:
            for case in cases_of(name):
                if (case.kind, case.variant) == ("mlp", "paper"):
                    check(case)
        else:
            check(METHODS.get(name))


# Ensembles


@pytest.mark.parametrize("kind", ["mlp", "gnn"])
def test_the_whole_of_an_ensemble_is_measured(kind: str) -> None:
    """Five times the parameters and products of one, and requests that read no more than one does."""
    case = Case("ensemble", NODES, kind)
    problem = case.example.problem
    context = case.fresh().context
    method, alone = Ensemble(EnsembleHyperparameters(), context).eval(), Case("supervised", NODES, kind).fresh().eval()
    whole, one = (measure_speed(each, problem, repeats=2) for each in (method, alone))
    assert (whole.params, whole.macs) == (5 * one.params, 5 * one.macs)
    items = torch.tensor([7, 3, 150])
    with torch.inference_mode():
        everything = method.predict(problem.training.graph).logits
        read: list[int] = []
        method.student.register_forward_pre_hook(lambda _, given: read.append(given[0].num_nodes))  # type: ignore[union-attr]
        torch.testing.assert_close(answer(method, problem, items), everything[items], atol=1e-5, rtol=1e-4)
    assert read[0] < problem.training.graph.num_nodes
    assert kind == "gnn" or read == [3]


def test_a_linear_map_of_the_predictions_is_counted_and_nothing_twice() -> None:
    """A head of 10 classes on one student, of which a layer is named a second time."""

    class Headed(Ensemble):
        def setup(self) -> None:
            self.top = nn.Sequential(nn.Linear(10, 10, bias=False), nn.ReLU())

        def inference_modules(self) -> Sequence[nn.Module]:
            assert self.student is not None
            return [self.student, self.top, self.student.layers[0]]  # type: ignore[union-attr, index, list-item]

        def forward(self, graph: Graph) -> Output:
            assert self.student is not None
            return Output(self.top(self.student(graph).logits))

    case = Case("ensemble", NODES, "mlp")
    method = Headed(EnsembleHyperparameters(), case.fresh().context).eval()
    problem = case.example.problem
    one = measure_speed(Case("supervised", NODES, "mlp").fresh().eval(), problem, repeats=2)
    found = measure_speed(method, problem, repeats=2)
    assert (found.params, found.macs) == (one.params + 100, one.macs + 100 * problem.training.num_items)


# Several teachers


def test_a_batch_holds_both_teachers_in_their_order_and_cut_alike() -> None:
    case = Case("two-teachers", NODES, "mlp")
    first, second = case.example.teachers(case.info)
    assert (first.name, second.name) == ("gcn", "sage")
    assert first.hidden[-1].shape[1] != second.hidden[-1].shape[1]
    seen: list[Batch] = []

    class Watching(TwoTeachers):
        def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
            seen.append(batch)
            return super().loss(batch, student)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(METHODS, "load", lambda _: Watching)
        case.trained(epochs=2, batch_size=40)
    for batch in seen:
        for view, whole in zip(batch.teachers, (first, second), strict=True):
            assert torch.equal(view.logits, whole.logits[batch.items])
            assert torch.equal(view.hidden[-1], whole.hidden[-1][batch.items])
        with pytest.raises(ValueError, match="asks for one teacher and the cell has 2"):
            _ = batch.teacher


def test_each_teacher_matters_and_so_does_their_order() -> None:
    case = Case("two-teachers", NODES, "mlp")
    first, second = case.example.teachers(case.info)
    runs = []
    for teachers in ((first, second), (second, first), (first, first)):
        problem = case.example.problem
        (run,) = train(case.configuration(epochs=3), [0], lambda _, p=problem: p, lambda _, t=teachers: t)
        runs.append(torch.cat([value.flatten() for value in run.method.student.parameters()]))  # type: ignore[union-attr]
    assert not any(torch.equal(runs[i], runs[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


def test_one_teacher_for_a_method_of_several_is_refused_in_one_line() -> None:
    case = Case("two-teachers", NODES, "mlp")
    with pytest.raises(UserError, match="method 'two-teachers' takes several teachers and one is given"):
        build(case.configuration(), case.example.problem, (case.example.teacher,))


# Several students


@pytest.mark.parametrize("variant", ["paper", "best-of-two"])
def test_several_students_are_judged_as_the_method_says(variant: str) -> None:
    case = Case("pair", NODES, "gnn", variant)
    run = case.trained(epochs=5)
    problem = case.example.problem
    judged, task = problem.validation, problem.training.task
    with torch.inference_mode():
        outputs = run.method.predictions(judged.graph)
    each = [task.scores("accuracy", output.logits[judged.items], judged.labels)["accuracy"] for output in outputs]
    assert len(set(each)) == 2
    expected = max(each) if variant == "best-of-two" else sum(each) / 2
    assert run.validation["accuracy"] == judge(run.method, problem, judged)["accuracy"] == pytest.approx(expected)
    assert validation_score(run.method, problem) == pytest.approx(expected)
