"""Each model against a stack of PyG's layers with the same weights: logits, and every gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric import nn as pyg

from graph_distillery.bench.models.base import build_model
from graph_distillery.methods.contract.graph import Graph

CLASSES, WIDTH, IN = 5, 8, 12
Pairs = list[tuple[Tensor, Tensor]]  # ours, theirs; transposed where the shapes ask for it


def _linear(ours: Any, theirs: Any) -> Pairs:
    pairs = [(ours.weight, theirs.weight)]
    return pairs if ours.bias is None else [*pairs, (ours.bias, theirs.bias)]


def _gcn(ours: Any) -> tuple[list[nn.Module], Pairs]:
    layers = [pyg.GCNConv(IN, WIDTH), pyg.GCNConv(WIDTH, WIDTH), pyg.GCNConv(WIDTH, CLASSES)]
    pairs: Pairs = []
    for mine, conv in zip(ours.layers, layers, strict=True):
        pairs += [(mine.linear.weight, conv.lin.weight), (mine.bias, conv.bias)]
    return layers, pairs


def _sage_mean(ours: Any) -> tuple[list[nn.Module], Pairs]:
    layers = [pyg.SAGEConv(IN, WIDTH), pyg.SAGEConv(WIDTH, WIDTH), pyg.SAGEConv(WIDTH, CLASSES)]
    pairs: Pairs = []
    for mine, conv in zip(ours.layers, layers, strict=True):
        pairs += [(mine.itself.weight, conv.lin_r.weight), (mine.itself.bias, conv.lin_l.bias)]
        pairs += [(mine.neighbours.weight, conv.lin_l.weight)]
    return layers, pairs


def _gin(ours: Any) -> tuple[list[nn.Module], Pairs]:
    layers: list[nn.Module] = []
    pairs: Pairs = []
    for mine, (i, o) in zip(ours.layers, [(IN, WIDTH), (WIDTH, WIDTH), (WIDTH, CLASSES)], strict=True):
        inner = nn.Sequential(nn.Linear(i, WIDTH), nn.ReLU(), nn.Linear(WIDTH, o))
        conv = pyg.GINConv(inner, train_eps=True)
        layers.append(conv)
        pairs += [(mine.first.weight, inner[0].weight), (mine.first_bias, inner[0].bias)]
        pairs += [*_linear(mine.second, inner[2]), (mine.eps, conv.eps)]
    return layers, pairs


def _gat(ours: Any) -> tuple[list[nn.Module], Pairs]:
    skip, heads = bool(ours.hyper.residual), ours.hyper.output_heads
    layers = [
        pyg.GATConv(IN, WIDTH // 4, 4),
        pyg.GATConv(WIDTH, WIDTH // 4, 4, residual=skip),
        pyg.GATConv(WIDTH, CLASSES, heads, concat=False, residual=skip),
    ]
    pairs: Pairs = []
    for mine, conv in zip(ours.layers, layers, strict=True):
        pairs += [(mine.linear.weight, conv.lin.weight), (mine.bias, conv.bias)]
        pairs += [(mine.source_attention, conv.att_src), (mine.target_attention, conv.att_dst)]
        if mine.skip is not None:
            pairs.append((mine.skip.weight, conv.res.weight))
    return layers, pairs


class _PropagateLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear, self.propagation = nn.Linear(WIDTH, CLASSES), pyg.APPNP(K=4, alpha=0.2)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        out: Tensor = self.propagation(self.linear(x), edge_index)
        return out


class _Rows(nn.Linear):
    def forward(self, x: Tensor, edge_index: Tensor | None = None) -> Tensor:
        return super().forward(x)


def _appnp(ours: Any) -> tuple[list[nn.Module], Pairs]:
    layers = [_Rows(IN, WIDTH), _Rows(WIDTH, WIDTH), _PropagateLast()]
    plain = [layers[0], layers[1], layers[2].linear]
    return layers, [pair for a, b in zip(ours.layers, plain, strict=True) for pair in _linear(a.linear, b)]


def _mlp(ours: Any) -> tuple[list[nn.Module], Pairs]:
    layers = [_Rows(IN, WIDTH), _Rows(WIDTH, WIDTH), _Rows(WIDTH, CLASSES)]
    return layers, [pair for a, b in zip(ours.layers, layers, strict=True) for pair in _linear(a.linear, b)]


class _Deep(nn.Module):
    """Linear, two GCN2Conv, linear; PyG's own reading of GCNII."""

    def __init__(self, shared: bool) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(IN, WIDTH), nn.Linear(WIDTH, CLASSES)
        self.convs = nn.ModuleList(
            pyg.GCN2Conv(WIDTH, alpha=0.2, theta=0.7, layer=number, shared_weights=shared) for number in (1, 2)
        )

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        state = start = F.relu(self.first(x))
        for conv in self.convs:
            state = F.relu(conv(state, start, edge_index))
        out: Tensor = self.last(state)
        return out


@pytest.mark.parametrize("shared", [True, False], ids=["gcnii", "gcnii-star"])
def test_gcnii_equals_gcn2conv(shared: bool, make_graph: Any) -> None:
    """Logits, every hidden state's share of the gradient, and that of the features."""
    graph = make_graph()
    hyper = {"layers": 4, "hidden": WIDTH, "alpha": 0.2, "decay": 0.7, "shared_weights": shared}
    model, stack = build_model("gcnii", IN, CLASSES, hyper).double(), _Deep(shared).double()
    pairs = [*_linear(model.layers[0].linear, stack.first), *_linear(model.layers[3].linear, stack.last)]
    plain = []
    for mine, conv in zip(model.layers[1:3], stack.convs, strict=True):
        plain += [(mine.linear.weight, conv.weight1)] + ([] if shared else [(mine.of_start.weight, conv.weight2)])
    with torch.no_grad():
        for ours, theirs in pairs:
            theirs.copy_(_as(ours, theirs))
        for ours, theirs in plain:
            theirs.copy_(ours)
    x = graph.features.clone().requires_grad_()
    graph.features.requires_grad_()
    logits, expected = model(graph).logits, stack(x, graph.edge_index)
    torch.testing.assert_close(logits, expected)
    target = torch.randn_like(logits)
    (logits * target).sum().backward()
    (expected * target).sum().backward()
    torch.testing.assert_close(graph.features.grad, x.grad)
    for ours, theirs in plain:
        torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("directed", [True, False])
def test_sign_reads_the_powers_of_pygs_transform(directed: bool, make_graph: Any) -> None:
    from torch_geometric.data import Data
    from torch_geometric.transforms import SIGN

    graph = make_graph(directed=directed)
    x = graph.features
    data = SIGN(3)(
        Data(x=x, edge_index=graph.edge_index.contiguous(), edge_weight=torch.ones(graph.num_edges).double())
    )
    hyper = {"layers": 2, "hidden": WIDTH, "hops": 3, "propagation": "symmetric"}
    model = build_model("sign", IN, CLASSES, hyper).double()
    maps = model.layers[0].maps
    state = torch.cat([maps[k](x if k == 0 else data[f"x{k}"]) for k in range(4)], dim=1)
    torch.testing.assert_close(model(graph).logits, model.layers[1].linear(F.relu(state)))


def test_sign_of_added_maps_is_one_map_of_all_hops_side_by_side(make_graph: Any) -> None:
    """And of one layer it is the linear model on them."""
    graph = make_graph()
    matrix, x = graph.propagation("gcn").to_dense(), graph.features
    together = torch.cat([x, matrix @ x, matrix @ matrix @ x], dim=1)
    for layers in (1, 2):
        model = build_model("sign", IN, CLASSES, {"layers": layers, "hidden": WIDTH, "hops": 2, "join": "sum"}).double()
        maps = model.layers[0].maps
        state = together @ torch.cat([each.weight for each in maps]) + maps[0].bias
        expected = state if layers == 1 else model.layers[1].linear(F.relu(state))
        torch.testing.assert_close(model(graph).logits, expected)


@pytest.mark.parametrize("kind", ["gcn", "symmetric"])
def test_rows_of_sign_are_enough(kind: str, make_graph: Any) -> None:
    """A batch of rows, without any edge, is predicted as on the whole graph; GCN has no such rows."""
    graph, items = make_graph(), torch.tensor([5, 0, 11])
    model = build_model("sign", IN, CLASSES, {"hidden": WIDTH, "propagation": kind}).double()
    rows = model.as_rows(graph).rows(items)
    assert rows.num_edges == 0
    torch.testing.assert_close(model(rows).logits, model(graph).logits[items])
    assert build_model("gcn", IN, CLASSES, {}).as_rows(graph) is None


CASES: dict[str, tuple[str, dict[str, Any], Any]] = {
    "mlp": ("mlp", {}, _mlp),
    "gcn": ("gcn", {}, _gcn),
    "sage-mean": ("sage", {"aggregator": "mean"}, _sage_mean),
    "gin": ("gin", {"train_eps": True}, _gin),
    "appnp": ("appnp", {"k": 4, "alpha": 0.2}, _appnp),
    "gat": ("gat", {"heads": 4}, _gat),
    "gat-output-heads": ("gat", {"heads": 4, "output_heads": 3}, _gat),
    "gat-residual": ("gat", {"heads": 4, "residual": True, "linear_residual": True}, _gat),
}


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("case", CASES)
def test_equals_the_stack_of_pyg_layers(case: str, sparse: bool, make_graph: Any) -> None:
    name, hyper, counterpart = CASES[case]
    torch.manual_seed(1)
    model = build_model(name, IN, CLASSES, {"layers": 3, "hidden": WIDTH, **hyper}).double()
    layers, pairs = counterpart(model)
    stack = nn.ModuleList(layers).double()
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in stack.parameters())
    with torch.no_grad():
        for ours, theirs in pairs:
            ours.normal_(std=0.5)  # biases and eps too, which start at 0
            theirs.copy_(_as(ours, theirs))
    graph = make_graph()
    x = graph.features.clone()
    if sparse:
        x[:, :10] = 0
        graph = Graph.build(x, graph.edge_index)
        assert not isinstance(graph.features, Tensor)
    else:
        graph.features.requires_grad_()
    x = x.detach().requires_grad_()

    state = x
    for index, layer in enumerate(layers):
        state = layer(state, graph.edge_index)
        if index < 2:
            state = F.elu(state) if name == "gat" else F.relu(state)
    logits = model(graph).logits
    torch.testing.assert_close(logits, state)
    target = torch.randn_like(logits)
    (logits * target).sum().backward()
    (state * target).sum().backward()
    for ours, theirs in pairs:
        torch.testing.assert_close(_as(ours.grad, theirs), theirs.grad)
    if not sparse:
        torch.testing.assert_close(graph.features.grad, x.grad)


def _as(ours: Tensor, theirs: Tensor) -> Tensor:
    """PyG stores linear weights transposed, attention vectors with a leading axis, eps as [1]."""
    if ours.shape == theirs.shape and ours.dim() != 2:
        return ours
    return ours.t() if theirs.dim() == 2 else ours.reshape(theirs.shape)


def test_sage_gcn_is_the_mean_over_a_node_and_its_neighbours(make_graph: Any) -> None:
    graph = make_graph()
    model = build_model("sage", IN, CLASSES, {"layers": 1}).double()
    adjacency = torch.eye(graph.num_nodes, dtype=torch.float64)
    adjacency[graph.edge_index[1], graph.edge_index[0]] = 1
    mean = adjacency @ graph.features / adjacency.sum(1, keepdim=True)
    torch.testing.assert_close(model(graph).logits, mean @ model.layers[0].linear.weight)


def test_attention_dropout_has_the_gradient_of_its_forward(make_graph: Any) -> None:
    """Dropped coefficients, under one fixed draw, against finite differences."""
    graph = make_graph(nodes=9, arcs=14, features=4)
    model = build_model("gat", 4, 3, {"hidden": 4, "heads": 2, "attention_dropout": 0.4}).double()

    def forward(x: Tensor, *parameters: Tensor) -> Tensor:
        torch.manual_seed(3)
        names = [name for name, _ in model.named_parameters()]
        output = torch.func.functional_call(model, dict(zip(names, parameters, strict=True)), (graph.with_features(x),))
        logits: Tensor = output.logits
        return logits

    x = graph.features.clone().requires_grad_()
    assert torch.autograd.gradcheck(forward, (x, *model.parameters()))
