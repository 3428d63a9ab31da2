"""What a method without training data can reach, keeps and refuses."""

from __future__ import annotations

import gc
import types
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from graph_distillery.bench.conformance.examples import Case, Example, problem_for
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.training import engine
from graph_distillery.bench.training.clock import TimeLimitExceeded
from graph_distillery.bench.training.engine import build, fit, train
from graph_distillery.bench.training.problem import Problem
from graph_distillery.methods.contract import Method, Teacher, TrainingData

DATA_FREE = ("gfkd", "random-graphs", "deep-inversion")


def case(name: str, variant: str = "paper") -> Case:
    return Case(name, "graph-classification", "gnn", variant)


def reachable(root: object) -> Iterator[object]:
    """All that an object holds on to, through attributes, containers, closures and bound methods.

    Not through modules, classes and the globals of functions, by which everything reaches everything.
    """
    seen, waiting = set(), [root]
    while waiting:
        item = waiting.pop()
        if id(item) in seen or isinstance(item, types.ModuleType | type | types.BuiltinFunctionType):
            continue
        seen.add(id(item))
        yield item
        if isinstance(item, types.FunctionType):
            waiting += [item.__closure__, item.__defaults__, item.__kwdefaults__, item.__dict__]
        else:
            waiting += gc.get_referents(item)


def storages(items: Iterator[object]) -> set[int]:
    """Where their tensors lie in memory."""
    found = set()
    for item in items:
        if isinstance(item, Tensor) and item.numel():
            parts = (item.crow_indices(), item.col_indices(), item.values()) if item.is_sparse_csr else (item,)
            found |= {part.untyped_storage().data_ptr() for part in parts}
    return found


def of_training(example: Example) -> set[int]:
    """Where the training set lies in memory, and the teacher's view of it."""
    data, teacher = example.problem.training, example.teacher
    view = replace(teacher, model=None)
    return storages(reachable(data)) | storages(reachable(view))


@pytest.mark.parametrize("name", DATA_FREE)
def test_the_training_set_is_out_of_reach(name: str) -> None:
    example = problem_for("graph-classification")
    forbidden = of_training(example)
    assert len(forbidden) > 5
    method = case(name).fresh()
    while_training: list[set[int]] = []
    method.on_epoch_start = lambda epoch, before=method.on_epoch_start: (  # type: ignore[method-assign, misc]
        while_training.append(storages(reachable(method))), before(epoch)
    )  # fmt: skip
    for moment in ("built", "trained"):
        found = list(reachable(method))
        assert not any(isinstance(item, TrainingData | Problem) for item in found), moment
        assert not storages(iter(found)) & forbidden, moment
        assert storages(iter(found)) & storages(reachable(example.teacher.model)), "the walk misses the teacher"
        if moment == "built":
            fit(method, case(name).configuration(epochs=2), example.problem, None)
    assert len(while_training) == 2
    assert not any(each & forbidden for each in while_training)


def test_the_walk_finds_the_training_set_where_it_is_held() -> None:
    """The same walk from methods that do train on data."""
    example = problem_for("graph-classification")
    forbidden = of_training(example)
    method = Case("kd", "graph-classification", "gnn").fresh()
    assert any(isinstance(item, TrainingData) for item in reachable(method))
    assert storages(reachable(method)) & forbidden


@pytest.mark.parametrize("name", DATA_FREE)
def test_no_validation_item_is_read_before_training_is_over(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_it(*_: object) -> float:
        raise AssertionError("the validation score was asked for")

    monkeypatch.setattr(engine, "validation_score", read_it)
    example = problem_for("graph-classification")
    method = case(name).fresh()
    assert fit(method, case(name).configuration(epochs=3, patience=1), example.problem, None) == 3


def test_the_last_state_is_kept() -> None:
    method = case("random-graphs").fresh()
    states: list[dict[str, Tensor]] = []
    step = method.step
    method.step = lambda *args: (step(*args), states.append({k: v.clone() for k, v in method.state_dict().items()}))[0]  # type: ignore[method-assign]
    fit(method, case("random-graphs").configuration(epochs=3), case("random-graphs").example.problem, None)
    assert all(torch.equal(value, states[-1][name]) for name, value in method.state_dict().items())


def test_the_clock_runs_while_graphs_are_made() -> None:
    example = problem_for("graph-classification")
    runs = train(
        case("gfkd").configuration(), [0], lambda _: example.problem, lambda _: (example.teacher,), time_limit_s=0
    )
    with pytest.raises(TimeLimitExceeded, match="before the first epoch"):
        next(runs)


# What is refused


def built(name: str, teacher: Teacher, **hyper: Any) -> Method[Any]:
    return build(replace(case(name).configuration(), method_hyper=hyper), case(name).example.problem, (teacher,))


@pytest.mark.parametrize("name", ["gfkd", "deep-inversion"])
def test_a_teacher_without_batch_norm_is_refused(name: str) -> None:
    example = problem_for("graph-classification")
    plain = build_model("gcn", 10, 3, {"layers": 2, "hidden": 8}, "graph")
    with pytest.raises(ValueError, match=r"^teacher 'plain' has no batch norm.*norm: batch.*bn_weight: 0$"):
        built(name, replace(example.teacher, name="plain", model=plain))
    built(name, replace(example.teacher, model=plain), bn_weight=0.0)
    built("random-graphs", replace(example.teacher, model=plain))
    with pytest.raises(ValueError, match=r"^the teacher comes without its network"):
        built(name, replace(example.teacher, model=None))


@pytest.mark.parametrize("name", ["gfkd", "deep-inversion"])
def test_a_teacher_whose_batch_norms_cannot_be_read_is_refused(name: str) -> None:
    """DGCNN works them out over arcs that it never makes; without their term it will do."""
    example = problem_for("graph-classification")
    model = build_model("dgcnn", 10, 3, {"layers": 2, "hidden": 8, "norm": "batch"}, "graph").eval()
    teacher = replace(example.teacher, name="dgcnn", model=model)
    with pytest.raises(ValueError, match=r"^teacher 'dgcnn' works its batch norms out by itself.*bn_weight: 0$"):
        built(name, teacher)
    method = built(name, teacher, bn_weight=0.0, iterations=2, graphs=4)
    assert len(list(method.prepare())) == 2
    built("random-graphs", teacher)


def test_bad_settings_are_refused_in_one_line() -> None:
    teacher = problem_for("graph-classification").teacher
    wrong = ({"features": "tall"}, {"min_nodes": 30}, {"graphs": 1}, {"iterations": -1})
    for hyper in wrong:
        field = "max_nodes" if "min_nodes" in hyper else next(iter(hyper))
        with pytest.raises(UserError, match=rf"^method 'gfkd': {field}: .*$") as refusal:
            built("gfkd", teacher, **hyper)  # type: ignore[arg-type]
        assert "\n" not in str(refusal.value)
