"""InfGraND against its loss arc by arc, all pairs of its influence at once, and the low frequencies of `ff-g2m`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.conformance import Case, problem_for
from graph_distillery.bench.training.engine import Configuration, train
from graph_distillery.bench.training.precomputed import prepared
from graph_distillery.methods.artefacts.influence import make as artefact
from graph_distillery.methods.artefacts.influence.make import Influence
from graph_distillery.methods.contract import Batch, Method, TrainingData
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.infgrand.method import InfGraND

Make = Callable[..., Method[Any]]


def symmetric(graph: Graph, loops: int) -> Tensor:
    dense = loops * torch.eye(graph.num_nodes, dtype=torch.float64)
    dense[graph.edge_index[1], graph.edge_index[0]] = 1
    scale = dense.sum(1).rsqrt()
    return scale[:, None] * dense * scale


@pytest.mark.parametrize(("loops", "sparse"), [(1, False), (2, True)])
def test_influence_is_the_row_sum_over_all_pairs(loops: int, sparse: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole matrix at once, in float64; ours in blocks of one column."""
    monkeypatch.setattr(artefact, "_HELD", 1)
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(15, 30, generator=generator) * (torch.rand(15, 30, generator=generator) < 0.1)
    features = features if sparse else features + torch.randn(15, 30, generator=generator)
    ends = torch.tensor([[i, (i * i + 1) % 15] for i in range(15) if i != (i * i + 1) % 15]).T
    graph = Graph.build(features, torch.cat([ends, ends.flip(0)], 1).unique(dim=1))
    assert isinstance(graph.features, Tensor) is not sparse
    around = symmetric(graph, loops) @ symmetric(graph, loops) @ features.double()
    cosine = F.normalize(features.double(), dim=1) @ F.normalize(around, dim=1).T
    scaled = (cosine - cosine.min()) / (cosine.max() - cosine.min())
    found = Influence.make(graph, {"hops": 3, "loops": loops})
    torch.testing.assert_close(found["influence"].double(), scaled.sum(1) / scaled.sum(1).max(), atol=1e-5, rtol=0)
    state, total = features.double(), features.double()
    for _ in range(3):
        state = symmetric(graph, loops) @ state
        total = total + state
    torch.testing.assert_close(found["pooled_features"].double(), total / 4, atol=1e-5, rtol=0)


def test_a_step_is_the_released_loss_arc_by_arc(data: TrainingData, make: Make) -> None:
    columns = Influence.make(data.graph, {"hops": 2, "loops": 1})
    data = replace(data, graph=data.graph.with_columns(columns))
    hyper = InfGraND.Hyperparameters(label_weight=0.3, label_influence=0.7)
    base = make(InfGraND, label_weight=1.0, hops=0)
    torch.manual_seed(5)
    method = InfGraND(hyper, replace(base.context, data=data))
    batch = Batch(data.graph, torch.arange(12), data.labelled, data.labels, base.teachers)
    output = method(batch.graph)
    influence, logits = (
        columns["influence"],
        method.student(data.graph.with_features(columns["pooled_features"])).logits,
    )
    each = F.cross_entropy(logits[data.labelled], data.labels, reduction="none")
    labels = 0.8 * each.mean() + 0.7 * (each * influence[data.labelled]).mean()
    loops = torch.arange(12).expand(2, -1)
    arcs = torch.cat([data.graph.edge_index, loops], 1)
    total = torch.zeros(())
    for source, target in arcs.T.tolist():
        p = (base.teachers[0].logits[source] / 1.3).softmax(0)
        kl = (p * (p.log() - (logits[target] / 1.3).log_softmax(0))).sum()
        total = total + (1 + 0.4 * influence[source]) * kl
    terms = method.loss(batch, output)
    torch.testing.assert_close(terms["labels"], 0.3 * labels)
    torch.testing.assert_close(terms["arcs"], 0.7 * total / arcs.shape[1])


def test_without_influence_and_hops_it_is_the_low_frequencies() -> None:
    example = problem_for("node-classification")
    off = {"label_influence": 0.0, "arc_influence": 0.0, "hops": 0, "temperature": 1.0, "label_base": 1.0}
    states = []
    for name, hyper in (("infgrand", {**off, "arc_base": 1.0}), ("ff-g2m", {"high_weight": 0.0})):
        asked = Configuration(name, "paper", {"label_weight": 0.4, **hyper}, "mlp", {"epochs": 5})
        problem = prepared(example.problem, asked)
        states.append(next(train(asked, [0], lambda _, p=problem: p, lambda _: (example.teacher,))).method.state_dict())
    for name, value in states[0].items():
        torch.testing.assert_close(value, states[1][name], atol=1e-6, rtol=0)


def test_hidden_nodes_alone_get_new_features_and_no_influence(data: TrainingData) -> None:
    settings = {"hops": 2, "loops": 1}
    seen = torch.tensor([*range(10), -1, -1])
    made = Influence.make(data.graph.induced_subgraph(torch.arange(10)), settings)
    found = Influence.extend(made, data.graph, seen, settings)
    assert torch.equal(found["pooled_features"][:10], made["pooled_features"])
    whole = Influence.make(data.graph, settings)["pooled_features"]
    assert torch.equal(found["pooled_features"][10:], whole[10:])
    assert torch.equal(found["influence"], torch.cat([made["influence"], torch.zeros(2)]))


def test_a_prediction_needs_no_edges() -> None:
    case = Case("infgrand", "node-classification", "mlp")
    method, graph = case.fresh().eval(), case.example.problem.training.graph
    with torch.no_grad():
        assert torch.equal(method.predict(graph).logits, method.predict(graph.without_edges()).logits)
