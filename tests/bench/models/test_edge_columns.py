"""What arcs carry reaches the models that can read it, as in PyG, and is said of the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch_geometric.nn import GATConv, GCNConv, GINEConv, SAGEConv
from torch_geometric.nn import models as pyg_models
from torch_geometric.utils import add_self_loops

from graph_distillery.bench.conformance import ModelCase
from graph_distillery.bench.models.base import Model, build_model
from graph_distillery.bench.models.neighbourhood import neighbourhood
from graph_distillery.methods.contract.graph import Graph

Pairs = list[tuple[Tensor, Tensor]]  # ours, theirs; transposed where the shapes ask for it


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
    for name in ("gcn", "pyg:GCN", "gat", "gine", "pyg:GAT", "pyg:GATv2", "pyg:PNA"):
        model = build_model(name, 7, 3, {"hidden": 16}, edge_width=2).eval()
        items = torch.tensor([7, 2, 11])
        part, places = neighbourhood(graph, items, model.receptive_hops)
        with torch.no_grad():
            assert torch.allclose(model(part).logits[places], model(graph).logits[items], atol=1e-5), name


def unreached() -> Graph:
    """`carrying`, with two nodes that no arc reaches."""
    graph = carrying()
    kept = graph.edge_index[1] > 1
    return graph.with_edges(graph.edge_index[:, kept], {name: c[kept] for name, c in graph.edge_columns.items()})


def same_with_gradients(model: Model, stack: Callable[[Tensor], Tensor], graph: Graph, pairs: Pairs) -> None:
    """Logits to 1e-5, and every parameter's gradient."""
    found, expected = model(graph).logits, stack(graph.dense_features())
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(2))
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    for ours, theirs in pairs:
        assert ours.grad is not None
        torch.testing.assert_close(turned(ours.grad, theirs), theirs.grad, rtol=1e-4, atol=1e-5)


def copied(pairs: Pairs) -> Pairs:
    """Theirs made ours, which are drawn anew."""
    with torch.no_grad():
        for ours, theirs in pairs:
            ours.normal_(std=0.5)
            theirs.copy_(turned(ours, theirs))
    return pairs


def turned(ours: Tensor, theirs: Tensor) -> Tensor:
    """PyG's matrices are the transposes of ours; its attention vectors have a dimension before."""
    return ours.T if theirs.dim() == 2 else ours.reshape(theirs.shape)


def test_gat_scores_attributes_as_pyg_s_layers_do() -> None:
    """Self-loops have the mean of the arcs that reach their node."""
    graph = unreached()
    torch.manual_seed(0)
    model: Any = build_model("gat", 7, 3, {"hidden": 16, "heads": 4, "dropout": 0.0}, edge_width=2)
    stack = [GATConv(7, 4, 4, edge_dim=2), GATConv(16, 3, 1, concat=False, edge_dim=2)]
    pairs: Pairs = []
    for mine, conv in zip(model.layers, stack, strict=True):
        pairs += [(mine.linear.weight, conv.lin.weight), (mine.bias, conv.bias)]
        pairs += [(mine.source_attention, conv.att_src), (mine.target_attention, conv.att_dst)]
        pairs += [(mine.edges.weight, conv.lin_edge.weight), (mine.edge_attention, conv.att_edge)]
    arcs, attributes = graph.edge_index, graph.edge_columns["attributes"]

    def theirs(x: Tensor) -> Tensor:
        hidden = torch.nn.functional.elu(stack[0](x, arcs, attributes))
        out: Tensor = stack[1](hidden, arcs, attributes)
        return out

    same_with_gradients(model, theirs, graph, copied(pairs))


@pytest.mark.parametrize("train_eps", [True, False])
def test_gine_equals_pyg_s_layers(train_eps: bool) -> None:
    graph = unreached()
    torch.manual_seed(0)
    hyper = {"layers": 2, "hidden": 16, "dropout": 0.0, "norm": "none", "train_eps": train_eps}
    model: Any = build_model("gine", 7, 3, hyper, edge_width=2)
    stack, pairs = [], []
    for mine, (width, out) in zip(model.layers, ((7, 16), (16, 3)), strict=True):
        inner = torch.nn.Sequential(torch.nn.Linear(width, 16), torch.nn.ReLU(), torch.nn.Linear(16, out))
        conv = GINEConv(inner, train_eps=train_eps, edge_dim=2)
        stack.append(conv)
        pairs += [(mine.first.weight, inner[0].weight), (mine.first_bias, inner[0].bias)]
        pairs += [(mine.second.weight, inner[2].weight), (mine.second.bias, inner[2].bias)]
        pairs += [(mine.edges.weight, conv.lin.weight), (mine.edges.bias, conv.lin.bias)]
        pairs += [(mine.eps, conv.eps)] if train_eps else []
    arcs, attributes = graph.edge_index, graph.edge_columns["attributes"]

    def theirs(x: Tensor) -> Tensor:
        out: Tensor = stack[1](torch.relu(stack[0](x, arcs, attributes)), arcs, attributes)
        return out

    same_with_gradients(model, theirs, graph, copied(pairs))


@pytest.mark.parametrize("name", ["gcn", "sage", "gat"])
def test_a_tuned_block_is_convolution_and_linear_map_side_by_side(name: str) -> None:
    """tunedGNN's model, put together of PyG's layers on the graph with self-loops."""
    graph = unreached()
    arcs, _ = add_self_loops(graph.edge_index, num_nodes=graph.num_nodes)
    plain = replace(graph, edge_columns={}, _cache={}, _feature_cache={})
    torch.manual_seed(0)
    own = {"sage": {"aggregator": "mean", "self_loops": True}, "gat": {"heads": 1, "bias": False}}.get(name, {})
    hyper = {"layers": 3, "hidden": 8, "residual": True, "norm": "layer", "dropout": 0.3, "block": "tuned", **own}
    model: Any = build_model(name, 7, 3, hyper).eval()
    x = plain.dense_features()
    with torch.no_grad():
        for block, norm in zip(model.layers[:2], model.norms, strict=True):
            mine, width = block.convolution, x.shape[1]
            if name == "gcn":
                conv: Any = GCNConv(width, 8)
                copied([(mine.linear.weight, conv.lin.weight), (mine.bias, conv.bias)])
            elif name == "sage":
                conv = SAGEConv(width, 8)
                copied([(mine.itself.weight, conv.lin_r.weight), (mine.itself.bias, conv.lin_l.bias)])
                copied([(mine.neighbours.weight, conv.lin_l.weight)])
            else:
                conv = GATConv(width, 8, 1, add_self_loops=False, bias=False)
                copied([(mine.linear.weight, conv.lin.weight), (mine.source_attention, conv.att_src)])
                copied([(mine.target_attention, conv.att_dst)])
            x = torch.relu(norm(conv(x, arcs) + x @ block.skip.weight + block.skip.bias))
        last = model.layers[2].linear
        torch.testing.assert_close(model(plain).logits, x @ last.weight + last.bias, rtol=1e-5, atol=1e-5)


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
