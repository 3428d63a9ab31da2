"""ROD against its notebook's loop, recomputed pair by pair and head by head on a ring of twelve nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.conformance import Case
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.artefacts.hop_features.make import HopFeatures
from graph_distillery.methods.contract import Batch, Method, TrainingData
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.rod.method import ROD, mean_of_heads
from graph_distillery.methods.rod.pairs import HopPairs, structure_loss

Make = Callable[..., Method[Any]]


@pytest.fixture
def hopped(data: TrainingData) -> TrainingData:
    columns = HopFeatures.make(data.graph, {"hops": 2, "normalise": True})
    return replace(data, graph=data.graph.with_columns(columns))


def test_hops_are_powers_of_the_propagation_of_rows_of_one_norm_one(data: TrainingData) -> None:
    """On a ring every entry of the propagation is 1/3."""
    found = HopFeatures.make(data.graph, {"hops": 2, "normalise": True})["hop_features"]
    x = data.graph.dense_features()
    x = x / x.abs().sum(1, keepdim=True)
    ring = (torch.eye(12) + torch.eye(12).roll(1, 0) + torch.eye(12).roll(-1, 0)) / 3
    torch.testing.assert_close(found, torch.stack([x, ring @ x, ring @ ring @ x], 1))


def test_pairs_are_the_most_and_the_least_alike_after_each_hop(hopped: TrainingData) -> None:
    pairs = HopPairs.of(hopped.graph)
    assert pairs.alike.shape == (3, 24 + 12, 2)
    assert pairs.unlike.shape == (3, 144, 2)  # a hundred times as many as there are pairs: all of them
    rows = F.normalize(hopped.graph.node_columns["hop_features"], dim=2)
    for hop in range(3):
        likeness = rows[:, hop] @ rows[:, hop].T
        chosen = likeness[pairs.alike[hop, :, 0], pairs.alike[hop, :, 1]]
        torch.testing.assert_close(chosen.sort().values, likeness.flatten().sort().values[-36:])
    alike, unlike = pairs.drawn()
    assert unlike.shape == alike.shape


def test_the_structure_loss_is_the_notebooks_batch_after_batch() -> None:
    """2300 pairs: two batches of 1000 and one of 300, each a mean over both kinds."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 30, 4, generator=generator)
    near, far = (torch.randint(0, 30, (2, 2300, 2), generator=generator) for _ in range(2))
    expected = torch.tensor(0.0)
    for head in range(2):
        for start, end in ((0, 1000), (1000, 2000), (2000, 2300)):
            pairs = torch.cat([near[head, start:end], far[head, start:end]])
            truth = torch.cat([torch.ones(end - start), torch.zeros(end - start)])
            cosine = F.cosine_similarity(logits[head][pairs[:, 0]], logits[head][pairs[:, 1]])
            weight = torch.where(truth > 0, cosine, 1 - cosine)
            expected += F.binary_cross_entropy_with_logits(cosine, truth, weight)
    torch.testing.assert_close(structure_loss(logits, near, far), expected)


def test_a_step_head_by_head(hopped: TrainingData, make: Make) -> None:
    method = ROD(
        ROD.Hyperparameters(hops=2, kd_weight=0.3, structure_weight=0.2, feature_dropout=0.0),
        replace(make(ROD, hops=0, structure_weight=0.0).context, data=hopped),
    ).train()
    batch = Batch(hopped.graph, torch.arange(12), hopped.labelled, hopped.labels)
    pairs = HopPairs.of(hopped.graph)
    method.pairs = HopPairs(pairs.alike, pairs.unlike[:, :36])  # so that there is nothing to draw
    hops = hopped.graph.node_columns["hop_features"]
    gate = method.gate
    weights = torch.stack([torch.sigmoid(hops[:, k] @ gate.weight[0] + gate.bias) for k in range(3)], 1).softmax(1)
    mixed = sum(weights[:, k : k + 1] * hops[:, k] for k in range(3))
    output = method.student(hopped.graph.with_features(mixed))  # type: ignore[misc]
    heads = [output.logits, *(head(output.hidden[-1]) for head in method.heads)]
    p = [head[hopped.labelled].softmax(1) for head in heads]
    mean = sum(p).detach() / 3  # type: ignore[union-attr]
    labels = sum(F.cross_entropy(head[hopped.labelled], hopped.labels) for head in heads)
    divergence = sum((mean * (mean / own).log()).sum(1).mean() for own in p)
    structure = structure_loss(torch.stack(heads), *method.pairs.drawn())
    torch.testing.assert_close(method.predict(hopped.graph).logits, sum(heads) / 3)
    parameters = list(method.parameters())
    gradients = torch.autograd.grad(labels + 0.3 * divergence + 0.2 * structure, parameters)
    before = [parameter.clone() for parameter in parameters]
    terms = method.step(batch, GradientUpdate([torch.optim.SGD(parameters, lr=0.1)]))
    for name, term in (("labels", labels), ("mean of heads", 0.3 * divergence), ("pairs", 0.2 * structure)):
        torch.testing.assert_close(terms[name], term.detach())
    for after, was, gradient in zip(parameters, before, gradients, strict=True):
        torch.testing.assert_close(after, was - 0.1 * gradient)


def test_heads_that_agree_teach_each_other_nothing() -> None:
    logits: Tensor = torch.randn(1, 5, 3, generator=torch.Generator().manual_seed(1)).expand(4, 5, 3)
    assert float(mean_of_heads(logits)) == pytest.approx(0, abs=1e-6)


def test_too_many_nodes_are_refused_in_one_line() -> None:
    graph = Graph.build(torch.ones(6001, 1), torch.empty(2, 0, dtype=torch.long))
    with pytest.raises(ValueError, match="all pairs of 6001 nodes, more than 6000; take 0"):
        HopPairs.of(graph)


def test_a_prediction_needs_no_edges() -> None:
    case = Case("rod", "node-classification", "mlp")
    method, graph = case.fresh().eval(), case.example.problem.training.graph
    with torch.no_grad():
        assert torch.equal(method.predict(graph).logits, method.predict(graph.without_edges()).logits)
