"""Models that go side by side give what each gives by itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.training.problem import ProblemKey, load_problem
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.contract.views import outputs_of


@pytest.fixture(scope="module")
def graph() -> Graph:
    found = load_problem(ProblemKey("csbm", "random-60-20-20", "transductive"), 0).training.graph
    dense = found.dense_features().double()
    kept = dense * (dense.abs() > 1.5)
    return Graph.build(SparseMatrix.from_torch(kept), found.edge_index)


def _models(name: str, graph: Graph, **hyper: Any) -> list[nn.Module]:
    torch.manual_seed(0)
    hyper = {"layers": 3, "hidden": 8, **hyper}
    return [build_model(name, graph.num_features, 4, hyper).double() for _ in range(3)]


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize(
    ("name", "hyper", "training"),
    [
        ("gcn", {}, True),
        ("gcn", {"hidden": 64}, True),
        ("gcn", {"norm": "batch", "residual": True}, True),
        ("gcn", {"dropout": 0.5}, False),
        ("gcn", {"dropout": 0.5}, True),
        ("sage", {}, True),
        ("gat", {}, True),
        ("mlp", {}, True),
    ],
)
def test_outputs_and_gradients_are_those_of_one_after_another(
    graph: Graph, sparse: bool, name: str, hyper: dict[str, Any], training: bool
) -> None:
    graph = graph if sparse else graph.with_features(graph.dense_features())
    models = [model.train(training) for model in _models(name, graph, **hyper)]
    found = []
    for run in (outputs_of, lambda models, graph: [model(graph) for model in models]):
        torch.manual_seed(1)  # dropout is drawn alike
        outputs = run(models, graph)
        for model in models:
            model.zero_grad()
        sum(((2 + place) * output.logits.sin()).sum() for place, output in enumerate(outputs)).backward()
        states = [state for output in outputs for state in (output.logits, *output.hidden)]
        found.append([*states, *(each.grad for model in models for each in model.parameters())])
    assert len(found[0]) == len(found[1])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=1e-12)


def test_others_of_another_size_or_kind_go_by_themselves(graph: Graph) -> None:
    models = [*_models("gcn", graph), *_models("gcn", graph, hidden=5), *_models("mlp", graph)]
    for one, model in zip(outputs_of(models, graph), models, strict=True):
        torch.testing.assert_close(one.logits, model(graph).logits, atol=0, rtol=0)
