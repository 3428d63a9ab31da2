"""P&D against its limit and its fixed points, InvKD against the inverse, and both against `glnn`."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.training.engine import Configuration, build, make_batches, train
from graph_distillery.methods.contract import Batch, Method

EXAMPLE = problem_for("node-classification")


def made(variant: str = "paper", **hyper: Any) -> tuple[Method[Any], Batch]:
    configuration = Configuration("pd", variant, hyper, "mlp", {"dropout": 0.0})
    method = build(configuration, EXAMPLE.problem, (EXAMPLE.teacher,)).train()
    (batch,) = list(make_batches(method, configuration, EXAMPLE.problem).epoch("observed"))
    return method, batch


def symmetric() -> Tensor:
    """D^-1/2 A D^-1/2, dense, float64."""
    graph = EXAMPLE.problem.training.graph
    dense = torch.zeros(graph.num_nodes, graph.num_nodes, dtype=torch.float64)
    dense[graph.edge_index[1], graph.edge_index[0]] = 1
    scale = dense.sum(dim=1).clamp(min=1).rsqrt()
    return scale[:, None] * dense * scale[None, :]


def test_many_rounds_reach_the_limit() -> None:
    """(1 - gamma) (I - gamma A)^-1 P_0, its rows brought to a sum of 1."""
    method, _ = made(rounds=400, gamma=0.9)
    start = EXAMPLE.teacher.logits.softmax(dim=1).double()
    limit = 0.1 * torch.linalg.solve(torch.eye(start.shape[0], dtype=torch.float64) - 0.9 * symmetric(), start)
    assert torch.allclose(method.target.double(), limit / limit.sum(dim=1, keepdim=True), atol=1e-5)


def test_fix_keeps_the_teachers_probabilities_of_labelled_nodes() -> None:
    method, batch = made(rounds=3, fix=True)
    start = EXAMPLE.teacher.logits.softmax(dim=1)
    assert torch.allclose(method.target[batch.labelled], start[batch.labelled], atol=1e-6)
    unlabelled = torch.ones(start.shape[0], dtype=torch.bool)
    unlabelled[batch.labelled] = False
    assert not torch.allclose(method.target[unlabelled], start[unlabelled], atol=1e-2)


@pytest.mark.parametrize("hyper", [{"rounds": 0}, {"gamma": 0.0}, {"gamma": 0.0, "form": "invert"}])
def test_without_propagation_it_is_glnn(hyper: dict[str, Any]) -> None:
    runs = [
        next(
            train(
                Configuration(name, "paper", {"label_weight": 0.2, **own}, "mlp", {"epochs": 5}),
                [0],
                lambda _: EXAMPLE.problem,
                lambda _: (EXAMPLE.teacher,),
            )
        )
        for name, own in (("pd", hyper), ("glnn", {}))
    ]
    states = [run.method.state_dict() for run in runs]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_the_inverse_is_the_inverse_of_the_limit() -> None:
    method, batch = made(form="invert", gamma=0.7)
    with torch.no_grad():
        logits = method(batch.graph).logits.double()
        found = method._inverted(batch).double()
    back = 0.3 * torch.linalg.solve(torch.eye(logits.shape[0], dtype=torch.float64) - 0.7 * symmetric(), found)
    assert torch.allclose(back, logits, atol=1e-4)


def test_official_code_draws_the_student_to_the_softmax_of_the_probabilities() -> None:
    """Its loss is least there, and not at the probabilities: they are read as their own logarithms."""
    method, batch = made("official_code", rounds=5)
    target = method.target
    logits = target.clone().requires_grad_()
    output = method(batch.graph)
    loss = method.teacher_term(batch, type(output)(logits, ()))
    (slope,) = torch.autograd.grad(loss, logits)
    assert float(slope.abs().max()) < 1e-6  # softmax(P) has the logits P
    by_hand = F.kl_div(target.log_softmax(dim=1), target, log_target=True, reduction="batchmean")
    assert loss.item() == pytest.approx(by_hand.item(), rel=1e-5)
