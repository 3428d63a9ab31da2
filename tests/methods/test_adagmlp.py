"""AdaGMLP: one round of boosting by hand, and what its weights keep."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.training.engine import Configuration, build, make_batches, train
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Batch, Method

EXAMPLE = problem_for("node-classification")


def made(**hyper: Any) -> tuple[Method[Any], Batch]:
    configuration = Configuration("adagmlp", "paper", hyper, "mlp", {"dropout": 0.0})
    method = build(configuration, EXAMPLE.problem, (EXAMPLE.teacher,)).train()
    (batch,) = list(make_batches(method, configuration, EXAMPLE.problem).epoch("observed"))
    return method, batch


def test_one_step_of_boosting_by_hand() -> None:
    method, batch = made(students=2, label_weight=0.3, temperature=0.8, beta=0.05, labels="all")
    outputs = [student(batch.graph).logits.detach() for student in method.group]
    teacher = EXAMPLE.teacher.logits
    weights, alphas, on_teacher = torch.full((teacher.shape[0],), 1 / teacher.shape[0]), [], []
    for logits in outputs:
        kinds = [
            F.kl_div((logits / t).log_softmax(1), (teacher / t).log_softmax(1), log_target=True, reduction="none").sum(
                1
            )
            for t in (0.8, 1.0)
        ]
        on_teacher.append(float((weights * kinds[0]).sum()))
        error = 1 - torch.exp(-0.05 * kinds[1])
        mean = float((weights * error).sum())
        assert mean < 0.5
        alphas.append(math.log((1 - mean) / mean))
        weights = weights * (alphas[-1] * error).exp()
        weights = weights / weights.sum()
    on_labels = [float(F.cross_entropy(logits[batch.labelled], batch.labels)) for logits in outputs]
    update = GradientUpdate(method.optimizers(method.context.settings))
    terms = method.step(batch, update)
    assert math.isclose(float(terms["teacher"]), 0.7 * sum(on_teacher) / 2, rel_tol=1e-4)
    assert math.isclose(float(terms["labels"]), 0.3 * sum(on_labels) / 2, rel_tol=1e-4)
    assert torch.allclose(method.node_weights, weights, atol=1e-7)
    assert torch.allclose(method.alphas, torch.tensor(alphas) / sum(alphas), atol=1e-5)


def test_weights_stay_a_distribution_and_a_student_that_is_no_better_than_chance_counts_next_to_nothing() -> None:
    method, batch = made(students=3, beta=50.0)  # every error near 1
    update = GradientUpdate(method.optimizers(method.context.settings))
    for _ in range(5):
        method.step(batch, update)
        assert math.isclose(float(method.node_weights.sum()), 1, abs_tol=1e-5)
        assert math.isclose(float(method.alphas.sum()), 1, abs_tol=1e-5)
    assert bool((method.node_weights > 0).all())


def test_the_ensemble_is_the_weighted_mean_of_its_students_and_is_saved_with_them() -> None:
    configuration = Configuration("adagmlp", "paper", {"students": 3}, "mlp", {"epochs": 15})
    problem, teacher = EXAMPLE.problem, EXAMPLE.teacher
    method = next(train(configuration, [0], lambda _: problem, lambda _: (teacher,))).method.eval()
    graph = problem.training.graph
    with torch.inference_mode():
        shares = sum(
            a * student(graph).logits.softmax(1) for a, student in zip(method.alphas, method.group, strict=True)
        )
        assert torch.allclose(method.predict(graph).logits.exp(), shares, atol=1e-6)
    assert {"node_weights", "alphas"} <= set(method.state_dict())
    assert len(list(method.inference_modules())) == 3


def test_alignment_is_nothing_where_the_mask_takes_what_is_zero_already() -> None:
    method, batch = made(students=1, feature_mask=0.3, align_weight=0.4)
    assert method.alignment(method.student, batch).item() > 0
    empty = batch.graph.with_features(torch.zeros_like(batch.graph.dense_features()))
    bare = type(batch)(empty, batch.items, batch.labelled, batch.labels, batch.teachers)
    assert method.alignment(method.student, bare).item() == 0


def test_a_batch_without_a_label_aligns_nothing() -> None:
    """Its other terms are what they are without a mask."""
    found = []
    for mask in (0.1, 0.0):
        torch.manual_seed(0)
        method, batch = made(feature_mask=mask)
        none = replace(batch, labelled=batch.labelled[:0], labels=batch.labels[:0])
        found.append(method.step(none, lambda terms: terms))
    assert found[0].keys() == found[1].keys() == {"labels", "teacher"}
    assert all(bool(term.isfinite()) and torch.equal(term, found[1][name]) for name, term in found[0].items())
