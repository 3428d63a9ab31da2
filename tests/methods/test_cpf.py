"""CPF: propagation by hand, the distances of both variants, and the bound that a second softmax puts on them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from graph_distillery.bench.conformance import Case
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.models.plp.model import PLP
from graph_distillery.bench.training.engine import Configuration, build
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Batch, Method, Output, TrainingData
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.cpf.method import CPF

Make = Callable[..., Method[Any]]
CASE = Case("cpf", "node-classification", "gnn", model="plp")


def plp(graph: Graph, classes: int, **hyper: Any) -> PLP:
    torch.manual_seed(2)
    model = build_model("plp", graph.num_features, classes, hyper, "node", graph.num_nodes)
    assert isinstance(model, PLP)
    return model.eval()


def given(data: TrainingData) -> Tensor:
    rows = torch.zeros(data.num_items, data.task.num_classes)
    rows[data.labelled, data.labels] = 1
    return rows


def by_hand(model: PLP, data: TrainingData, steps: int) -> Tensor:
    """Node by node, with the balance of each node as it is."""
    graph, x = data.graph, data.graph.dense_features()
    classes, labels = data.task.num_classes, dict(zip(data.labelled.tolist(), data.labels.tolist(), strict=True))
    neighbours = [[i, *graph.edge_index[0][graph.edge_index[1] == i].tolist()] for i in range(graph.num_nodes)]
    linear = model.layers[0].linear
    one_hot = torch.eye(classes)
    h = torch.stack([one_hot[labels[i]] if i in labels else torch.full((classes,), 1 / classes) for i in range(len(x))])
    for _ in range(steps):
        rows = []
        for i, around in enumerate(neighbours):
            if model.of_features is not None:
                scores = torch.stack([x[j] @ model.of_features.weight[:, 0] for j in around])
            else:
                scores = model.of_nodes[around, 0]  # type: ignore[index]
            attention = scores.exp() / scores.exp().sum()
            share = 1 / (1 + (-model.balance[i]).exp())
            said = x[i] @ linear.weight + linear.bias
            mixed = share * (attention[:, None] * h[around]).sum(0) + (1 - share) * said
            rows.append(one_hot[labels[i]] if i in labels else mixed.clamp(min=0))
        h = torch.stack(rows)
    return h


@pytest.mark.parametrize("attention", ["features", "nodes"])
def test_propagation_node_by_node(data: TrainingData, attention: str) -> None:
    model = plp(data.graph, 3, steps=3, attention=attention)
    torch.nn.init.normal_(model.balance)
    graph = data.graph.with_columns({"given_labels": given(data)})
    torch.testing.assert_close(model(graph).logits, by_hand(model, data, 3))


def test_a_balance_all_on_the_neighbours_is_label_propagation_by_attention(data: TrainingData) -> None:
    """Rows stay in the simplex, labels exactly as given; so a softmax of them has a bound that no teacher keeps."""
    model = plp(data.graph, 3, steps=10)
    model.balance.data.fill_(50.0)
    found = model(data.graph.with_columns({"given_labels": given(data)})).logits
    torch.testing.assert_close(found.sum(1), torch.ones(12))
    assert torch.equal(found[data.labelled], given(data)[data.labelled])
    assert float(found.softmax(1).max().detach()) <= math.e / (math.e + 2) + 1e-6
    assert math.e / (math.e + 6) == pytest.approx(0.312, abs=5e-4)


@pytest.mark.parametrize("variant", ["paper", "official_code"])
def test_a_step_is_that_of_the_distance_on_nodes_without_a_label(data: TrainingData, make: Make, variant: str) -> None:
    """One step of gradient descent, the forward and the distance by hand."""
    model, twin = (plp(data.graph, 3, steps=2) for _ in range(2))
    teacher = make(CPF).teachers[0]
    context = replace(make(CPF).context, variant=variant, new_student=lambda width: model, teachers=(teacher,))
    method = CPF(CPF.Hyperparameters(weight=0.5), context)
    update = GradientUpdate([torch.optim.SGD(method.parameters(), lr=0.1)])
    terms = method.step(Batch(data.graph, torch.arange(12), data.labelled, data.labels, (teacher,)), update)
    unlabelled = [i for i in range(12) if i not in data.labelled.tolist()]
    h, p = by_hand(twin, data, 2)[unlabelled], teacher.logits.softmax(1)[unlabelled]
    if variant == "official_code":
        expected = (h.softmax(1) - p).square().sum().sqrt()
    else:
        expected = (h - p).square().sum(1).sqrt().mean()
    torch.testing.assert_close(terms["teacher"], 0.5 * expected.detach())
    gradients = torch.autograd.grad(0.5 * expected, list(twin.parameters()))
    for moved, before, gradient in zip(model.parameters(), twin.parameters(), gradients, strict=True):
        torch.testing.assert_close(moved, before - 0.1 * gradient)


def test_the_labels_are_given_at_inference_too() -> None:
    method = CASE.fresh().eval()
    data = CASE.example.problem.training
    with torch.no_grad():
        found = method.predict(CASE.example.problem.validation.graph).logits
    assert torch.equal(found[data.labelled].argmax(1), data.labels)


def test_other_graphs_and_other_students_are_refused() -> None:
    model = plp(CASE.example.problem.training.graph, 10)
    with pytest.raises(UserError, match="has weights for each of"):
        model(Graph.build(torch.ones(3, 64), torch.tensor([[0, 1], [1, 0]])))
    with pytest.raises(UserError, match="cpf' trains plp students, and gcn is none of them"):
        build(Configuration("cpf", student="gcn"), CASE.example.problem, (CASE.example.teacher,))


def test_where_every_node_has_a_label_there_is_nothing_to_learn_from(make: Make, data: TrainingData) -> None:
    everything = replace(data, labelled=torch.arange(12), labels=torch.zeros(12, dtype=torch.long))
    with pytest.raises(ValueError, match="every training node here has one"):
        CPF(CPF.Hyperparameters(), replace(make(CPF).context, data=everything))


def test_what_is_not_labelled_is_what_the_student_has_to_say(data: TrainingData, make: Make) -> None:
    """The loss does not look at the rows of labelled nodes, whatever stands there."""
    method = make(CPF)
    logits = torch.rand(12, 3, generator=torch.Generator().manual_seed(0))
    batch = Batch(data.graph, torch.arange(12), data.labelled, data.labels, method.teachers)
    other = logits.index_fill(0, data.labelled, 7.0)
    assert method.loss(batch, Output(logits)) == method.loss(batch, Output(other))
