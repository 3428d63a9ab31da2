"""No method and no model mixes devices: each trains and predicts on one that refuses to, as it does on the CPU."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest
import torch

from graph_distillery.bench.conformance.devices import DEVICE, MixedDevices, another_device
from graph_distillery.bench.conformance.examples import TEACHER, TEACHER_OF, Case, cases_of
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.splits import Split
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.training.artefacts import Artefact
from graph_distillery.bench.training.engine import Configuration, Trained, train
from graph_distillery.bench.training.precomputed import prepared
from graph_distillery.bench.training.problem import Problem, ProblemKey, divide
from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher
from graph_distillery.methods import METHODS
from graph_distillery.methods.tasks.registry import stand_in_task

NODES = 24
#: What is tried at every turn; the rest is `slow`.
OFTEN = ("kd-node-classification-gnn", "glnn-node-classification-mlp", "rod-node-classification-mlp")
OFTEN_MODELS = ("gcn", "sage", "gat")


@lru_cache
def data_of(task: str) -> tuple[Dataset, Split, ProblemKey]:
    kind, generator = stand_in_task(task), torch.Generator().manual_seed(0)
    made = kind.stand_in(generator, NODES)
    dataset = Dataset.build(task, task, kind.info.metrics[0], made.graph, made.labels, kind.num_classes)
    order = made.items[torch.randperm(made.items.numel(), generator=generator)]
    first, second = int(0.5 * order.numel()), int(0.8 * order.numel())
    parts = (part.sort().values for part in (order[:first], order[first:second], order[second:]))
    setting = "inductive" if dataset.graph.num_graphs > 1 and kind.info.items == "node" else kind.info.settings[0]
    return dataset, Split("random-60-20-20", 0, *parts), ProblemKey(task, "random-60-20-20", setting)


def problem_of(task: str, device: str) -> Problem:
    return divide(*data_of(task), 0, device)[0]


@lru_cache
def artefact_of(task: str, model: str, width: int, anew: str | None) -> Artefact:
    """A teacher of two epochs, made anew by the method named, on the CPU."""
    problem, hyper = problem_of(task, "cpu"), {**TEACHER, **TEACHER_OF.get(task, {}), "epochs": 2, "hidden": width}
    made, teachers = Configuration("supervised", student=model, student_hyper=hyper), ()
    if anew is not None:
        teachers = (unpack_teacher(artefact_of(task, model, width, None), problem),)
        made = Configuration(anew, "paper", METHODS.load(anew).quick, model, hyper)
    (trained,) = train(made, [0], lambda _: problem, lambda _: teachers)
    return pack_teacher("0" * 16, trained, made)


def trained_on(device: str, configuration: Configuration, task: str) -> Trained:
    info = METHODS.get(configuration.method)
    named = (("gcn", 24), ("sage", 20))[: {"none": 0, "one": 1, "many": 2}[info.teacher]]
    problem = prepared(problem_of(task, device), configuration)
    teachers = tuple(unpack_teacher(artefact_of(task, *each, info.derived_teacher), problem) for each in named)
    (trained,) = train(configuration, [0], lambda _: problem, lambda _: teachers)
    return trained


def assert_same_on_both(configuration: Configuration, task: str) -> None:
    for model, width in (("gcn", 24), ("sage", 20)):
        if METHODS.get(configuration.method).teacher != "none":
            artefact_of(task, model, width, METHODS.get(configuration.method).derived_teacher)
    with another_device() as device:
        found = trained_on(device, configuration, task)
        assert {each.device.type for each in found.method.parameters()} <= {DEVICE}
    expected = trained_on("cpu", configuration, task).validation
    assert found.validation.keys() == expected.keys()
    # Before batch norm a bias has rounding for a gradient, of which Adam makes whole steps.
    within = 0.02 if configuration.student_hyper.get("norm") == "batch" else 1e-4
    if "nll" in expected:  # the other scores are steps
        assert found.validation["nll"] == pytest.approx(expected["nll"], abs=within)


def cases() -> list[Any]:
    """Every method's cases, of the tasks that a few nodes can stand for."""
    return [
        pytest.param(case, id=str(case), marks=[] if str(case) in OFTEN else [pytest.mark.slow])
        for name in METHODS.names
        for case in cases_of(name)
        if case.task != "node-multilabel"
    ]


@pytest.mark.parametrize("case", cases())
def test_no_method_mixes_devices(case: Case) -> None:
    assert_same_on_both(case.configuration(epochs=2), case.task)


@pytest.mark.parametrize(
    "model", [pytest.param(n, marks=[] if n in OFTEN_MODELS else [pytest.mark.slow]) for n in MODELS.names]
)
def test_no_model_mixes_devices(model: str) -> None:
    tasks = ("node-classification", "typed-node-classification", "graph-classification")
    task = next(task for task in tasks if MODELS.get(model).why_not_task(stand_in_task(task).info) is None)
    norm = "none" if model in ("sufg", "fmlp-o", "fmlp-s") else "batch"
    hyper = {"layers": 3, "hidden": 8, "dropout": 0.3, "norm": norm, "epochs": 2}
    known = MODELS.load(model).Hyperparameters.model_fields
    own = {name: value for name, value in hyper.items() if name in known or name == "epochs"}
    assert_same_on_both(Configuration("supervised", student=model, student_hyper=own), task)


def test_what_mixes_is_refused_and_what_cuda_allows_is_not() -> None:
    here = torch.arange(3.0)
    with another_device() as device:
        there = here.to(device)
        for mixed in (
            lambda: there + here,
            lambda: there @ here,
            lambda: torch.cat([there, here]),
            lambda: here[there.long()],
            lambda: torch.stack([there.sum(), here.sum()]),
            lambda: torch.randperm(3, device=device, generator=torch.Generator()),
        ):
            with pytest.raises(MixedDevices):
                mixed()
        assert (there + here.sum()).tolist() == [3.0, 4.0, 5.0]
        assert there[here.long()].device.type == DEVICE
        assert float(there.sum()) == 3.0
        assert there.cpu().device.type == "cpu"
        assert torch.ones(2, device=device).tolist() == [1.0, 1.0]
