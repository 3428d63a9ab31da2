"""BGNN: which teacher teaches when, boosted labels, and temperatures; degenerate, it is kd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.conformance import Case
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training.engine import Configuration, build, train
from graph_distillery.methods.bgnn.method import BGNN, boosted
from graph_distillery.methods.contract import Batch, Method, OptimiserSettings, Output, Teacher, TrainingData

Make = Callable[..., Method[Any]]
Softened = Callable[[Tensor, float], Tensor]
CASE = Case("bgnn", "node-classification", "mlp")


def test_with_one_temperature_and_without_boosting_it_is_kd() -> None:
    """From two teachers that are the same; each epoch's weights, to the bit but for the order of additions."""
    problem, teacher = CASE.example.problem, CASE.example.teacher
    settings = {**CASE.configuration().student_hyper, "epochs": 6, "dropout": 0.0}
    runs = []
    for name, hyper, teachers in (
        ("bgnn", {"alpha": 0.7, "tau_min": 3.0, "tau_max": 3.0, "boost": False}, (teacher, teacher)),
        ("kd", {"alpha": 0.7, "tau": 3.0}, (teacher,)),
    ):
        asked = Configuration(name, "paper", hyper, "mlp", settings)
        (run,) = train(asked, [0], lambda _: problem, lambda _, given=teachers: given)
        runs.append(run.method)
    for one, other in zip(runs[0].student.parameters(), runs[1].student.parameters(), strict=True):  # type: ignore[union-attr]
        assert float((one - other).detach().abs().max()) < 1e-5


def test_boosting_is_samme() -> None:
    """Of eight labels and three classes two are wrong: e = 1/4, so each wrong one counts (3 x 2) times a right one."""
    wrong = torch.tensor([True, True, *[False] * 6])
    weight = boosted(torch.ones(8), wrong, 3)
    assert float(weight.mean()) == pytest.approx(1)
    assert float(weight[0] / weight[2]) == pytest.approx(6)
    again = boosted(weight, torch.tensor([*[False] * 6, True, True]), 3)  # those weigh (2 x 1) of (2 x 6 + 6)
    error = 2 / 18
    assert float(again[7] / again[2]) == pytest.approx(2 * (1 - error) / error)
    for useless in (torch.zeros(8, dtype=torch.bool), torch.ones(8, dtype=torch.bool)):
        assert torch.equal(boosted(weight, useless, 3), weight)


def test_a_stage_has_its_teacher_its_weights_and_its_temperatures(
    make: Make, data: TrainingData, teacher: Teacher, softened: Softened
) -> None:
    other = replace(teacher, logits=teacher.logits.flip(0))
    plain = make(BGNN)
    context = replace(plain.context, teachers=(teacher, other), settings=OptimiserSettings(epochs=5))
    method = BGNN(BGNN.Hyperparameters(alpha=0.6), context)
    batch = Batch(data.graph, torch.arange(12), data.labelled, data.labels, (teacher, other))
    logits = torch.randn(12, 3, generator=torch.Generator().manual_seed(1))
    weight = torch.ones(4)
    for epoch, stage in ((0, 0), (2, 0), (3, 1), (4, 1)):
        method.on_epoch_start(epoch)
        assert (method.stage, method.may_be_kept(epoch)) == (stage, stage == 1)
    for stage, taught in enumerate((teacher, other)):
        method.stage = stage
        weight = boosted(weight, taught.logits[data.labelled].argmax(1) != data.labels, 3)
        terms = method.loss(batch, Output(logits))
        each = F.cross_entropy(logits[data.labelled], data.labels, reduction="none")
        torch.testing.assert_close(terms["labels"], 0.4 * (weight * each).mean())
        tau = method.temperature(taught.logits)
        assert ((tau > 1) & (tau < 4)).all()
        total = torch.tensor(0.0)
        for i in range(12):
            p, q = (softened(z[i : i + 1], float(tau[i].detach())) for z in (taught.logits, logits))
            total += float(tau[i].detach()) ** 2 * (p * (p / q).log()).sum() / 12
        torch.testing.assert_close(terms["teacher"].detach(), 0.6 * total)


def test_temperatures_that_are_no_range_are_refused() -> None:
    configuration = Configuration("bgnn", "paper", {"tau_min": 3.0, "tau_max": 2.0}, "mlp")
    with pytest.raises(UserError, match=r"tau_max 2 is below tau_min 3") as caught:
        build(configuration, CASE.example.problem, CASE.example.teachers(CASE.info))
    assert "\n" not in str(caught.value)
