"""LTD: a step by hand, through the student's step to the temperatures, and whose labels they learn from."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.training.engine import Configuration, build, make_batches
from graph_distillery.bench.training.judging import judged_validation
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Graph
from graph_distillery.methods.ltd.method import Temperatures, neighbour_entropy


def built(**hyper: Any) -> tuple[Any, Any, Any]:
    example = problem_for("node-classification")
    values = {"temperature_dropout": 0.0, "warmup": 0, "student_rate": 1e-3, "temperature_rate": 0.01, **hyper}
    configuration = Configuration("ltd", "paper", values, "gcn", {"dropout": 0.0, "hidden": 8})
    method = build(configuration, example.problem, (example.teacher,)).double().train()
    (batch,) = list(make_batches(method, configuration, example.problem).epoch("observed"))
    return method, batch, example


def test_a_step_by_hand_on_dense_matrices() -> None:
    """Two layers, their gradient, the moved student's validation loss, and its gradient in the temperatures."""
    method, batch, _ = built(label_weight=3.0)
    x = batch.graph.dense_features().double()
    graph = Graph(x, batch.graph.edge_index, batch.graph.graph_pointers)
    plain, teacher = graph.propagation("gcn").to_dense(), batch.teacher.logits.double()
    method.entropy = method.entropy.double()
    weights = [each.detach().clone().requires_grad_() for each in method.student.parameters()]
    names = [name for name, _ in method.student.named_parameters()]
    network = [each.detach().clone().requires_grad_() for each in method.temperatures.parameters()]

    def student(values: list[Tensor]) -> Tensor:
        by = dict(zip(names, values, strict=True))
        state = (plain @ (x @ by["layers.0.linear.weight"]) + by["layers.0.bias"]).relu()
        found: Tensor = plain @ (state @ by["layers.1.linear.weight"]) + by["layers.1.bias"]
        return found

    def crossed(target: Tensor, logits: Tensor) -> Tensor:
        return -((target + 1e-6) * (logits.softmax(1) + 1e-6).log()).sum()

    logits = student(weights)
    read = torch.cat([logits, logits.detach().norm(dim=1)[:, None], method.entropy[:, None]], dim=1)
    a, b, c, d = network
    temperature = torch.sigmoid((read @ a.T + b).relu() @ c.T + d) - 0.2
    eye = torch.eye(logits.shape[1], dtype=torch.float64)
    inner = crossed((teacher / temperature).softmax(1), logits)
    inner = inner + 3 * crossed(eye[batch.labels], logits[batch.labelled])
    gradients = torch.autograd.grad(inner, weights, create_graph=True)
    moved = [old - 1e-3 * by for old, by in zip(weights, gradients, strict=True)]
    outer = crossed(eye[method.labels], student(moved)[method.items])
    by_hand = torch.autograd.grad(outer, network)

    view = type(batch.teacher)("t", teacher, (), graph)
    method.on_epoch_start(0)
    told = method.step(
        type(batch)(graph, batch.items, batch.labelled, batch.labels, (view,)),
        GradientUpdate(method.optimizers(method.context.settings)),
    )
    torch.testing.assert_close(told["validation"], outer.detach())
    torch.testing.assert_close(told["teacher"] + told["labels"], inner.detach())
    for parameter, expected in zip(method.student.parameters(), moved, strict=True):
        torch.testing.assert_close(parameter, expected)
    for parameter, old, by in zip(method.temperatures.parameters(), network, by_hand, strict=True):
        torch.testing.assert_close(parameter, old - 0.01 * by)


def test_temperatures_may_be_negative_and_are_never_near_nought() -> None:
    network = Temperatures(3, 4, 0.0, 2.0).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        logits, entropy = torch.randn(5, 3).double(), torch.rand(5).double()
        torch.testing.assert_close(network(logits, entropy), torch.full((5, 1), 0.6).double())  # 2 (0.5 - 0.2)
        network.second.bias.fill_(-50.0)
        torch.testing.assert_close(network(logits, entropy), torch.full((5, 1), -0.4).double())
        network.second.bias.fill_(torch.logit(torch.tensor(0.2)).item())
        torch.testing.assert_close(network(logits, entropy), torch.full((5, 1), 1e-4).double())


def test_the_entropy_is_of_the_mean_output_around_a_node() -> None:
    arcs = torch.tensor([[1, 2, 0], [0, 0, 1]])
    logits = torch.tensor([[3.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    found = neighbour_entropy(Graph(torch.eye(3), arcs, torch.tensor([0, 3])), logits)
    around = (logits[1].softmax(0) + logits[2].softmax(0)) / 2
    expected = [-(p * p.log()).sum() for p in (around, logits[0].softmax(0))]
    torch.testing.assert_close(found, torch.stack([*expected, torch.tensor(1e-4)]))


def test_no_label_both_teaches_and_chooses() -> None:
    """Three of four validation items are learned from; the others choose the epoch."""
    method, _, example = built()
    validation = example.problem.validation
    judged = judged_validation(method, example.problem)
    together = torch.cat([method.items, judged.items])
    assert torch.equal(together.sort().values, validation.items.sort().values)
    assert judged.items.numel() == validation.items.numel() // 4
    assert not torch.isin(method.items, example.problem.training.labelled).any()


def test_temperatures_wait_for_the_warm_up() -> None:
    method, batch, _ = built(warmup=2)
    method.float()
    before = [each.clone() for each in method.temperatures.parameters()]
    update = GradientUpdate(method.optimizers(method.context.settings))
    for epoch in range(3):
        method.on_epoch_start(epoch)
        told = method.step(batch, update)
        moved = any(not torch.equal(a, b) for a, b in zip(before, method.temperatures.parameters(), strict=True))
        assert moved == ("validation" in told) == (epoch == 2)
    assert F.relu(told["validation"]) > 0
