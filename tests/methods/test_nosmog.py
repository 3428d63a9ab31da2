"""NOSMOG against the projected ascent through the whole student, its pairs, and `glnn`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.conformance import Case, problem_for
from graph_distillery.bench.training.engine import Configuration, build, make_batches
from graph_distillery.bench.training.precomputed import prepared
from graph_distillery.methods.contract import Batch, Method, Output, Teacher
from graph_distillery.methods.losses.perturbation import _start_of
from graph_distillery.methods.nosmog.method import similarity_difference

EXAMPLE = problem_for("node-classification")
SMALL = {"position_dim": 4, "walks": 1, "walk_length": 5}


def made(variant: str = "paper", double: bool = True, **hyper: Any) -> tuple[Method[Any], Batch]:
    """Without dropout, in float64 unless told otherwise, on the first 60 nodes."""
    configuration = Configuration("nosmog", variant, {**SMALL, **hyper}, "mlp", {"dropout": 0.0, "hidden": 16})
    problem = prepared(EXAMPLE.problem, configuration)
    method = build(configuration, problem, (EXAMPLE.teacher,)).train()
    (batch,) = list(make_batches(method, configuration, problem).epoch("observed"))
    items = torch.cat([batch.labelled[:20], torch.arange(0, 1200, 30)]).unique()
    row = torch.full((batch.items.numel(),), -1)
    row[batch.labelled] = torch.arange(batch.labelled.numel())
    labelled = torch.nonzero(row[items] >= 0).flatten()
    graph = batch.graph.rows(items)
    teacher = batch.teacher.at(items, items, graph)
    if double:
        method = method.double()
        columns = {"positions": graph.node_columns["positions"].double()}
        graph = graph.with_features(graph.dense_features().double()).with_columns(columns)
        hidden = tuple(state.double() for state in teacher.hidden)
        teacher = Teacher("gcn", teacher.logits.double(), hidden, graph)
    return method, Batch(graph, items, labelled, batch.labels[row[items[labelled]]], (teacher,))


def widened(batch: Batch) -> Tensor:
    return torch.cat([batch.graph.dense_features(), batch.graph.node_columns["positions"]], 1)


def by_hand(method: Method[Any], batch: Batch, weight: float, radius: float, steps: int) -> Tensor:
    """delta, the whole student and autograd in every step; the start is the method's own."""
    x, student = widened(batch), method.student
    assert student is not None
    delta = _start_of(*x.shape, torch.int64, x.device).to(x.dtype) * radius / 256
    for _ in range(steps):
        delta.requires_grad_()
        logits = student(batch.graph.with_features(x + delta)).logits
        loss = (1 - weight) * kl(logits, batch.teacher.logits)
        loss = loss + weight * F.cross_entropy(logits[batch.labelled], batch.labels)
        (slope,) = torch.autograd.grad(loss, delta)
        delta = (delta.detach() + radius / 4 * slope.sign()).clamp(-radius, radius)
    return delta.detach()


def kl(student: Tensor, teacher: Tensor) -> Tensor:
    p = teacher.softmax(1)
    return (p * (p.log() - student.log_softmax(1))).sum(1).mean()


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_a_step_is_the_papers_loss_recomputed(weight: float) -> None:
    """In float64, with its own five steps of ascent, terms and gradients."""
    method, batch = made(label_weight=weight, radius=0.2, similarity_weight=0.7)
    torch.manual_seed(3)
    terms = method.loss(batch, method(batch.graph))
    torch.manual_seed(3)
    delta = by_hand(method, batch, weight, 0.2, 5)
    assert float(delta.abs().max()) <= 0.2
    student, encoder = method.student, method.encoder
    clean, moved = (student(batch.graph.with_features(x)) for x in (widened(batch), widened(batch) + delta))
    label = [F.cross_entropy(out.logits[batch.labelled], batch.labels) for out in (clean, moved)]
    soft = [kl(out.logits, batch.teacher.logits) for out in (clean, moved)]
    own, theirs = F.relu(encoder(clean.hidden[-1])), batch.teacher.hidden[-1]
    expected = {
        "labels": weight * label[0],
        "teacher": (1 - weight) * soft[0],
        "similarities": 0.7 * (theirs @ theirs.T - own @ own.T).square().mean(),
        "adversarial": 0.1 * (weight * label[1] + (1 - weight) * soft[1]),
    }
    assert terms.keys() == expected.keys()
    for name, term in expected.items():
        torch.testing.assert_close(terms[name], term, rtol=1e-9, atol=1e-12)
    parameters = list(method.parameters())
    found = torch.autograd.grad(torch.stack(list(terms.values())).sum(), parameters)
    for one, other in zip(found, torch.autograd.grad(sum(expected.values()), parameters), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-12)


def test_official_code_takes_labels_and_teacher_apart_before_the_activation() -> None:
    method, batch = made("official_code", double=False, label_weight=0.25, adversarial_weight=0.0)
    output = method(batch.graph)
    own = F.relu(method.encoder(output.state("preactivation.-1")))
    theirs = EXAMPLE.teacher.state("preactivation.-1")[batch.items]
    similar = 0.1 * (theirs @ theirs.T - own @ own.T).square().mean()
    for terms, share in ((("labels",), 0.25), (("teacher",), 0.75)):
        method.terms = terms
        found = method.loss(batch, output)
        assert set(found) == {*terms, "similarities"}
        torch.testing.assert_close(found["similarities"], share * similar)


def test_without_a_box_the_loss_is_glnns_times_one_and_a_tenth() -> None:
    method, batch = made(radius=0.0, similarity_weight=0.0, position="none")
    terms = method.loss(batch, method(batch.graph))
    soft = kl(method(batch.graph).logits, batch.teacher.logits)
    torch.testing.assert_close(torch.stack(list(terms.values())).sum(), 1.1 * soft, rtol=1e-9, atol=0)


def test_the_ascent_in_short_floats_climbs_as_high() -> None:
    gains = []
    for double in (True, False):
        method, batch = made(double=double, radius=0.3)
        torch.manual_seed(4)
        teacher = batch.teacher.logits
        clean = method(batch.graph).state("preactivation.0")
        delta = method.perturbation.delta(clean, widened(batch).shape[1], lambda z, t=teacher: kl(z, t))
        logits = [method.student(batch.graph.with_features(widened(batch) + d)).logits for d in (0 * delta, delta)]
        gains.append((kl(logits[1], teacher) - kl(logits[0], teacher)).item())
    assert gains[0] > 0.05
    assert gains[1] == pytest.approx(gains[0], rel=0.02)


def test_similarities_are_of_all_pairs_invariant_to_rotation_and_not_to_scale() -> None:
    student, teacher = (torch.randn(9, n, dtype=torch.float64) for n in (4, 6))
    pairs = [(teacher[i] @ teacher[j] - student[i] @ student[j]) ** 2 for i in range(9) for j in range(9)]
    found = similarity_difference(student, teacher)
    torch.testing.assert_close(found, torch.stack(pairs).mean())
    turned = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64))[0]
    torch.testing.assert_close(similarity_difference(student, teacher @ turned), found)
    assert not torch.allclose(similarity_difference(student, 2 * teacher), found)


def test_a_prediction_reads_a_nodes_own_row_and_position() -> None:
    case = Case("nosmog", "node-classification", "mlp")
    method, graph = case.fresh().eval(), case.example.problem.training.graph
    rows = torch.tensor([5, 900, 17])
    elsewhere = graph.with_columns({"positions": graph.node_columns["positions"] + 1})
    with torch.no_grad():
        found: Output = method.predict(graph)
        torch.testing.assert_close(method.predict(graph.rows(rows)).logits, found.logits[rows])
        assert not torch.allclose(method.predict(elsewhere).logits, found.logits)


def test_a_teacher_of_one_layer_is_refused_where_states_are_compared() -> None:
    configuration = Configuration("nosmog", "paper", SMALL, "mlp", {"layers": 1})
    problem = prepared(EXAMPLE.problem, configuration)
    with pytest.raises(ValueError, match="student has 0 hidden states"):
        build(configuration, problem, (EXAMPLE.teacher,))
    teacher = replace(EXAMPLE.teacher, hidden=())
    with pytest.raises(ValueError, match="teacher has 0 hidden states"):
        build(replace(configuration, student_hyper={}), problem, (teacher,))
