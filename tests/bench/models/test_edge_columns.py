"""What arcs carry reaches the models that can read it, as in PyG, and is said of the others."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch_geometric.nn import GCNConv
from torch_geometric.nn import models as pyg_models

from graph_distillery.bench.conformance import ModelCase
from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.models.neighbourhood import neighbourhood
from graph_distillery.methods.contract.graph import Graph


def carrying() -> Graph:
    """24 nodes, arcs with weights and two attributes."""
    graph = ModelCase("gcn", "node").graph()
    draw = torch.Generator().manual_seed(1)
    weights, attributes = (
        torch.rand(graph.num_edges, generator=draw) + 0.1,
        torch.rand(graph.num_edges, 2, generator=draw),
    )
    bare = replace(graph, edge_columns={}, types=None, _cache={}, _feature_cache={})
    return bare.with_columns(edges={"weight": weights, "attributes": attributes})


def test_gcn_weighs_arcs_as_pyg_does() -> None:
    graph = carrying()
    model = build_model("gcn", 7, 3, {"hidden": 16}).eval()
    with torch.no_grad():
        found = model(graph).logits
        x = graph.dense_features()
        for number, layer in enumerate(model.layers):
            theirs = GCNConv(x.shape[1], layer.linear.weight.shape[1])  # type: ignore[union-attr, index]
            theirs.lin.weight.copy_(layer.linear.weight.T)  # type: ignore[union-attr, operator]
            theirs.bias.copy_(layer.bias)  # type: ignore[arg-type]
            x = theirs(x, graph.edge_index, graph.edge_columns["weight"])
            x = x.relu() if number == 0 else x
        assert torch.allclose(found, x, atol=1e-6)
        assert not torch.allclose(found, model(ModelCase("gcn", "node").graph()).logits, atol=1e-3)


def test_a_request_weighs_by_the_degrees_of_the_whole_graph() -> None:
    graph = carrying()
    for name in ("gcn", "pyg:GCN", "pyg:GAT", "pyg:GATv2", "pyg:PNA"):
        model = build_model(name, 7, 3, {"hidden": 16}, edge_width=2).eval()
        items = torch.tensor([7, 2, 11])
        part, places = neighbourhood(graph, items, model.receptive_hops)
        with torch.no_grad():
            assert torch.allclose(model(part).logits[places], model(graph).logits[items], atol=1e-5), name


def test_attributes_reach_pyg_s_attention() -> None:
    graph = carrying()
    model = build_model("pyg:GAT", 7, 3, {"hidden": 16}, edge_width=2).eval()
    theirs = pyg_models.GAT(7, 16, 2, 3, heads=8, edge_dim=2).eval()
    theirs.load_state_dict(model.inner.state_dict())  # type: ignore[union-attr]
    arcs, attributes = graph.edge_index, graph.edge_columns["attributes"]
    with torch.no_grad():
        expected = theirs(graph.dense_features(), arcs, edge_attr=attributes)
        assert torch.allclose(model(graph).logits, expected, atol=1e-6)
        other = graph.with_columns(edges={"attributes": attributes + attributes.flip(0)})
        assert not torch.allclose(model(graph).logits, model(other).logits, atol=1e-4)
