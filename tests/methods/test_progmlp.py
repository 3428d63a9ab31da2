"""ProGMLP: the sequence of MLPs, one step by hand, and what remains without it."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.training.engine import Configuration, build, make_batches, train
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Batch, Method

EXAMPLE = problem_for("node-classification")


def made(**hyper: Any) -> tuple[Method[Any], Batch]:
    configuration = Configuration("progmlp", "paper", hyper, "mlp", {"dropout": 0.0, "epochs": 9})
    method = build(configuration, EXAMPLE.problem, (EXAMPLE.teacher,)).train()
    (batch,) = list(make_batches(method, configuration, EXAMPLE.problem).epoch("observed"))
    return method, batch


def trained(name: str, hyper: dict[str, Any], epochs: int = 6) -> Method[Any]:
    configuration = Configuration(name, "paper", hyper, "mlp", {"epochs": epochs})
    return next(train(configuration, [0], lambda _: EXAMPLE.problem, lambda _: (EXAMPLE.teacher,))).method


def test_one_mlp_without_mixup_is_glnn() -> None:
    own = trained("progmlp", {"students": 1, "mixup_weight": 0.0, "label_weight": 0.2}).state_dict()
    glnn = trained("glnn", {"label_weight": 0.2}).state_dict()
    assert glnn
    assert all(torch.equal(value, own[name]) for name, value in glnn.items())


def test_an_mlp_starts_where_the_one_before_it_ended_which_then_stays() -> None:
    method, batch = made(students=3)
    update = GradientUpdate(method.optimizers(method.context.settings))
    assert [method.stage_of(epoch) for epoch in range(9)] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [method.may_be_kept(epoch) for epoch in (0, 5, 6)] == [False, False, True]
    method.on_epoch_start(0)
    method.step(batch, update)
    method.on_epoch_end(0, 0.5)
    best = {name: value.clone() for name, value in method.group[0].state_dict().items()}
    method.step(batch, update)
    method.on_epoch_end(1, 0.4)  # worse, and so not handed on
    method.on_epoch_start(3)
    for student in method.group[:2]:
        assert all(torch.equal(value, best[name]) for name, value in student.state_dict().items())
    method.step(batch, update)
    assert all(torch.equal(value, best[name]) for name, value in method.group[0].state_dict().items())
    assert any(not torch.equal(value, best[name]) for name, value in method.group[1].state_dict().items())


def test_one_step_of_the_second_mlp_by_hand() -> None:
    method, batch = made(students=2, label_weight=0.3, growth=1.5)
    method.on_epoch_start(5)
    assert int(method.stage) == 1
    method.strength, first, second = 0.2, *method.group
    torch.nn.init.normal_(second.layers[-1].linear.weight)  # another than the first's, from which it starts
    features = batch.graph.dense_features()
    zero = features.new_zeros(features.shape[0], method.width)
    with torch.no_grad():
        hidden = first(batch.graph.with_features(torch.cat([features, zero], 1))).hidden[-1]
        rows = torch.cat([features, hidden], 1)
        logits = second(batch.graph.with_features(rows)).logits
        own, other = rows[batch.labelled], torch.arange(batch.labelled.numel()).flip(0)
        mixed = second(batch.graph.rows(batch.labelled).with_features(0.2 * own + 0.8 * own[other])).logits
    on_labels = F.cross_entropy(logits[batch.labelled], batch.labels)
    targets = EXAMPLE.teacher.logits.log_softmax(1)
    on_teacher = F.kl_div(logits.log_softmax(1), targets, log_target=True, reduction="batchmean")
    terms = method.loss(batch, method(batch.graph))
    assert terms["labels"].item() == pytest.approx(2**1.5 * 0.3 * float(on_labels), rel=1e-5)
    assert terms["teacher"].item() == pytest.approx(2**1.5 * 0.7 * float(on_teacher), rel=1e-5)
    soft = 0.2 * F.one_hot(batch.labels, logits.shape[1]) + 0.8 * F.one_hot(batch.labels[other], logits.shape[1])
    by_hand = F.cross_entropy(mixed, soft)
    assert method.mixed(batch, other).item() == pytest.approx(by_hand.item(), rel=1e-5)


@pytest.mark.parametrize(("schedule", "sign"), [("text", -1), ("equation", 1)])
def test_the_strength_of_mixup_follows_the_running_loss_within_its_bounds(schedule: str, sign: int) -> None:
    method, _ = made(students=2, schedule=schedule, mixup_rate=0.5)
    mean, strength = 0.3, 0.0
    for number, loss in enumerate([0.3, 0.0, 0.05, 2.0, 0.0, *[0.0] * 40]):
        mean = 0.1 * mean + 0.9 * loss if number else loss  # equation 8, sigma 0.1 weighs the past
        strength = min(max(strength + sign * 0.5 * (mean - 0.1), 0.0), 0.5)
        method.adapt(loss)
        assert math.isclose(method.strength, strength, abs_tol=1e-12)
    assert method.strength == (0.5 if schedule == "text" else 0.0)


def test_the_ensemble_by_hand_and_leaving_early() -> None:
    method = trained("progmlp", {"students": 3}, epochs=12).eval()
    graph, labelled = EXAMPLE.problem.training.graph, EXAMPLE.problem.training.labelled
    shown = torch.ones(graph.num_nodes, dtype=torch.bool)
    shown[labelled] = False
    features, shares = graph.dense_features(), []
    hidden = features.new_zeros(features.shape[0], method.width)
    with torch.inference_mode():
        for student in method.group:
            output = student(graph.with_features(torch.cat([features, hidden], 1)))
            hidden, shares = output.hidden[-1], [*shares, output.logits.softmax(1)]
        confidences = torch.stack([share[shown].amax(1).mean() for share in shares])
        assert torch.allclose(method.confidences, confidences, atol=1e-6)
        whole = sum(c * share for c, share in zip(confidences.softmax(0), shares, strict=True))
        assert torch.allclose(method.predict(graph).logits.exp(), whole, atol=1e-6)
        early = type(method.hyper)(students=3, exit_confidence=float(confidences[0]) - 1e-3)
        method.hyper = early
        assert torch.allclose(method.predict(graph).logits.exp(), shares[0], atol=1e-6)
    assert len(method.inference_modules()) == 1
