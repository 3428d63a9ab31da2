"""PGKD: its terms by hand, what they are blind to, and `glnn` without them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.training.engine import Configuration, build, make_batches, train
from graph_distillery.methods.pgkd.method import prototypes, relative_distances

EXAMPLE = problem_for("node-classification")


def trained(name: str, hyper: dict[str, Any]) -> dict[str, torch.Tensor]:
    configuration = Configuration(name, "paper", hyper, "mlp", {"epochs": 5})
    return next(train(configuration, [0], lambda _: EXAMPLE.problem, lambda _: (EXAMPLE.teacher,))).method.state_dict()


@pytest.mark.parametrize("label_weight", [0.2, 1.0])
def test_without_its_terms_it_is_glnn(label_weight: float) -> None:
    own = trained("pgkd", {"label_weight": label_weight, "node_weight": 0.0, "prototype_weight": 0.0})
    glnn = trained("glnn", {"label_weight": label_weight})
    assert own.keys() == glnn.keys()
    assert all(torch.equal(value, own[name]) for name, value in glnn.items())


def test_both_terms_by_hand() -> None:
    hyper = {"node_weight": 0.7, "prototype_weight": 0.3}
    configuration = Configuration("pgkd", "paper", hyper, "mlp", {"dropout": 0.0})
    method = build(configuration, EXAMPLE.problem, (EXAMPLE.teacher,)).train()
    (batch,) = list(make_batches(method, configuration, EXAMPLE.problem).epoch("observed"))
    output = method(batch.graph)
    terms = method.loss(batch, output)
    classes = EXAMPLE.teacher.logits.argmax(1).tolist()
    before = EXAMPLE.teacher.logits.clone()
    for place, label in zip(batch.labelled.tolist(), batch.labels.tolist(), strict=True):
        classes[place] = label
    to_centres, among = [], []
    for states in (output.hidden[-1].detach().double(), EXAMPLE.teacher.hidden[-1].double()):
        members = [[i for i, c in enumerate(classes) if c == k] for k in sorted(set(classes))]
        centres = [sum(states[i] for i in each) / len(each) for each in members]
        near = torch.tensor([[float((row - c).norm()) for c in centres] for row in states])
        apart = torch.tensor([[float((a - b).norm()) for b in centres] for a in centres])
        to_centres.append(near / near.mean())
        among.append(apart / apart.mean())
    assert terms["nodes"].item() == pytest.approx(
        0.7 * float((to_centres[0] - to_centres[1]).square().mean()), rel=1e-4
    )
    assert terms["prototypes"].item() == pytest.approx(0.3 * float((among[0] - among[1]).square().mean()), rel=1e-4)
    assert torch.equal(EXAMPLE.teacher.logits, before)


def test_rotation_shift_scale_and_width_are_no_difference() -> None:
    torch.manual_seed(0)
    states, classes = torch.randn(30, 6, dtype=torch.float64), torch.arange(30) % 4
    rotation, _ = torch.linalg.qr(torch.randn(9, 9, dtype=torch.float64))
    wider = torch.cat([states, torch.zeros(30, 3, dtype=torch.float64)], 1)
    moved = 3.0 * wider @ rotation + 2.0
    for of in (lambda x: x, lambda x: prototypes(x, classes)):
        near = [relative_distances(of(x), prototypes(x, classes)) for x in (states, moved)]
        assert torch.allclose(*near, atol=1e-10)


def test_absent_classes_have_no_prototype_and_collapsed_states_no_gradient_that_is_not_finite() -> None:
    classes = torch.tensor([0, 3, 3])
    assert prototypes(torch.tensor([[1.0], [2.0], [4.0]]), classes).tolist() == [[1.0], [3.0]]
    states = torch.zeros(3, 2, requires_grad=True)
    found = relative_distances(states, prototypes(states, classes))
    found.sum().backward()
    assert not found.any()
    assert bool(torch.isfinite(states.grad).all())
