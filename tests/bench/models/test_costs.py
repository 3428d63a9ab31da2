"""Parameters, multiply-accumulates, and the neighbourhood a request fetches."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.models.layers import FeatureLinear
from graph_distillery.bench.models.neighbourhood import neighbourhood
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.dense_product import _TALL

N, E, IN, OUT, H = 100, 400, 30, 7, 16


@pytest.mark.parametrize(
    ("name", "hyper", "expected"),
    [
        ("mlp", {}, N * IN * H + N * H * OUT),
        ("gcn", {}, N * IN * H + (E + N) * H + N * H * OUT + (E + N) * OUT),
        ("sage", {}, N * IN * H + (E + N) * H + N * H * OUT + (E + N) * OUT),
        ("sage", {"aggregator": "mean"}, 2 * N * IN * H + E * H + 2 * N * H * OUT + E * OUT),
        ("gin", {}, N * IN * H + (E + N) * H + N * H * H + N * H * H + (E + N) * H + N * H * OUT),
        (
            "gat",
            {"heads": 4, "output_heads": 2},
            N * IN * H + 2 * N * H + (E + N) * H + 2 * N * H * OUT + 4 * N * OUT + 2 * (E + N) * OUT,
        ),
        ("appnp", {"k": 3}, N * IN * H + N * H * OUT + 3 * (E + N) * OUT),
        ("gcnii", {"layers": 4}, N * IN * H + 2 * (N * H * H + (E + N) * H) + N * H * OUT),
        ("sign", {"hops": 2}, 3 * N * IN * H + 2 * (E + N) * IN + 3 * N * H * OUT),
        ("ga-mlp", {"layers": 3}, 2 * (N * IN * H + N * H * H) + E * IN + N * H * OUT),
    ],
)
def test_macs_by_hand(name: str, hyper: dict[str, Any], expected: int) -> None:
    assert build_model(name, IN, OUT, {"hidden": H, **hyper}).macs(N, E) == expected


def test_macs_of_a_graph_level_model_end_in_one_linear_map_per_graph() -> None:
    model = build_model("gcn", IN, OUT, {"hidden": H, "layers": 3}, "graph")
    assert model.macs(N, E, 10) == N * IN * H + N * H * H + 2 * (E + N) * H + 10 * H * OUT


def test_widening_layers_propagate_before_the_weight(make_graph: Any) -> None:
    model = build_model("gcn", 12, 50, {"layers": 1}).double()
    graph = make_graph()
    assert model.macs(N, E) == N * 12 * 50 + (E + N) * 12
    layer = model.layers[0]
    expected = graph.propagation("gcn").to_dense() @ graph.features @ layer.linear.weight
    torch.testing.assert_close(model(graph).logits, expected)


def test_residuals_without_a_forced_weight_are_identities_between_equal_widths() -> None:
    hyper = {"layers": 3, "hidden": 16, "heads": 4, "residual": True}
    first, second, last = build_model("gat", 10, 3, hyper).layers
    assert (first.skip, first.identity) == (None, False)
    assert (second.skip, second.identity) == (None, True)
    assert last.skip.weight.shape == (16, 3)


@pytest.mark.parametrize("directed", [True, False])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize(
    "name", ["mlp", "gcn", "sage", "sage-mean", "gat", "gin", "appnp", "sign", "sign-symmetric", "ga-mlp"]
)
def test_the_neighbourhood_predicts_what_the_whole_graph_predicts(
    name: str, layers: int, directed: bool, make_graph: Any
) -> None:
    graph: Graph = make_graph(nodes=300, arcs=500, directed=directed, dtype=torch.float32)
    hyper: dict[str, Any] = {"layers": layers, "hidden": 16, "norm": "layer"}
    hyper |= {
        "appnp": {"k": 3},
        "sage-mean": {"aggregator": "mean"},
        "sign-symmetric": {"propagation": "symmetric"},
    }.get(name, {})
    model = build_model(name.removesuffix("-mean").removesuffix("-symmetric"), 12, 5, hyper).eval()
    seeds = torch.tensor([7, 299, 0, 7, 150])  # one isolated, one twice
    part, where = neighbourhood(graph, seeds, model.receptive_hops)
    assert part.num_nodes < graph.num_nodes
    torch.testing.assert_close(model(part).logits[where], model(graph).logits[seeds], atol=1e-5, rtol=0)


def test_a_neighbourhood_holds_what_acts_within_its_hops_and_no_more() -> None:
    chain = torch.tensor([[0, 1, 2, 3, 4], [1, 2, 3, 4, 0]])  # 0 -> 1 -> 2 -> 3 -> 4 -> 0
    graph = Graph(torch.arange(6.0)[:, None], chain, torch.tensor([0, 6]))
    part, where = neighbourhood(graph, torch.tensor([3]), 2)
    assert part.features.view(-1).tolist() == [1, 2, 3]
    assert part.edge_index.t().tolist() == [[1, 2], [0, 1]]
    assert where.tolist() == [2]
    alone, _ = neighbourhood(graph, torch.tensor([5]), 4)
    assert (alone.num_nodes, alone.num_edges) == (1, 0)
    around, _ = neighbourhood(graph, torch.tensor([0]), 50)
    assert (around.num_nodes, around.num_edges) == (5, 5)


def test_the_gradient_of_a_tall_product_is_that_of_the_product() -> None:
    """Of more rows than the limit from which it is taken the other way round."""
    generator = torch.Generator().manual_seed(0)
    layer = FeatureLinear(37, 9).double()
    x = torch.randn(_TALL, 37, generator=generator, dtype=torch.float64).requires_grad_()
    wanted = torch.randn(_TALL, 9, generator=generator, dtype=torch.float64)
    found = torch.autograd.grad(layer(x), (x, layer.weight, layer.bias), wanted)
    plain = torch.autograd.grad(torch.addmm(layer.bias, x, layer.weight), (x, layer.weight, layer.bias), wanted)
    torch.testing.assert_close(layer(x), torch.addmm(layer.bias, x, layer.weight), rtol=0, atol=0)
    torch.testing.assert_close(found, plain, rtol=1e-10, atol=1e-10)
