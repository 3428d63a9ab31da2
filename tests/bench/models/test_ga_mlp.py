"""GA-MLP against what it is said to compute."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from graph_distillery.bench.models.base import build_model
from graph_distillery.methods.contract import Graph


@pytest.mark.parametrize("aggregate", ["by-degree", "mean", "sum"])
def test_it_is_two_mlps_side_by_side(aggregate: str, make_graph: Any) -> None:
    graph: Graph = make_graph()
    hyper = {"layers": 3, "hidden": 8, "norm": "batch", "aggregate": aggregate, "readout": "sum"}
    model = build_model("ga-mlp", graph.num_features, 3, hyper, "graph").double().eval()
    x, adjacency = graph.dense_features(), torch.zeros(graph.num_nodes, graph.num_nodes, dtype=torch.float64)
    adjacency[graph.edge_index[1], graph.edge_index[0]] = 1
    degrees = adjacency.sum(dim=1).clamp(min=1)
    read = {"by-degree": adjacency / degrees, "mean": adjacency / degrees[:, None], "sum": adjacency}[aggregate]
    towers, output = [x, read @ x], model(graph)
    for index in range(2):
        stacks = ((model.layers, model.norms), (model.hop_layers, model.hop_norms))
        towers = [
            torch.relu(norms[index](state @ layers[index].linear.weight + layers[index].linear.bias))  # type: ignore[index, union-attr, operator]
            for (layers, norms), state in zip(stacks, towers, strict=True)
        ]
        torch.testing.assert_close(output.hidden[index], towers[0] + towers[1])
    torch.testing.assert_close(output.pooled, sum(towers).sum(dim=0, keepdim=True))  # type: ignore[attr-defined, union-attr]
    assert model.head is not None
    torch.testing.assert_close(output.logits, model.head(output.pooled))
