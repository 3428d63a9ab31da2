"""Inference in blocks of nodes is inference; all neighbours drawn are the layer; drawn sums are right on average."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.training.inference.layerwise import can_be_layered, predict_in_blocks
from graph_distillery.bench.training.sampling import Block, NeighbourSampler
from graph_distillery.methods.contract.graph import Graph

WIDTH, CLASSES = 6, 3
LOADED = {name: MODELS.load(name) for name in MODELS.names}
#: Graphs with types are not read in blocks.
LAYERED = [name for name, each in LOADED.items() if (each.by_layer or each.reads_blocks) and not each.typed]
SAMPLED = [name for name in MODELS.names if "fan_out" in MODELS.load(name).Hyperparameters.model_fields]
SETTINGS = {
    "sage": [{}, {"aggregator": "mean", "residual": True}, {"block": "tuned", "residual": True}],
    "gcn": [{}, {"residual": True}, {"block": "tuned-projected"}],
    "gat": [{"heads": 4}, {"heads": 2, "output_heads": 2, "residual": True}, {"heads": 2, "block": "tuned"}],
    "gin": [{}, {"train_eps": True}],
    "gcnii": [{"layers": 4}, {"layers": 4, "shared_weights": False}],
    "appnp": [{"k": 3}],
    "mlp": [{"residual": True}],
}


def random_graph(seed: int, nodes: int, arcs: int, sparse: bool) -> Graph:
    generator = torch.Generator().manual_seed(seed)
    ends = torch.randint(nodes, (2, arcs), generator=generator)
    ends = torch.unique(ends[:, ends[0] != ends[1]], dim=1)
    features = torch.randn(nodes, WIDTH, generator=generator, dtype=torch.float64)
    return Graph.build(torch.where(features > 1.2, features, 0.0) if sparse else features, ends)


def of_kind(name: str, hyper: dict[str, object], seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    model = build_model(name, WIDTH, CLASSES, {"layers": 3, "hidden": 8, "norm": "batch", **hyper}).double().eval()
    for norm in model.norms:  # as after training
        torch.nn.init.normal_(norm.running_mean), torch.nn.init.uniform_(norm.running_var, 0.5, 2)
    return model


def test_every_model_with_settings_here_is_asked() -> None:
    assert set(LAYERED) == set(SETTINGS)
    assert set(SAMPLED) == {"sage", "gcn", "gat", "gin", "gcnii"}


@pytest.mark.parametrize("name", LAYERED)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 999), nodes=st.integers(2, 25), rows=st.integers(0, 40), sparse=st.booleans())
def test_blocks_of_nodes_give_what_the_whole_graph_does(
    name: str, seed: int, nodes: int, rows: int, sparse: bool
) -> None:
    graph = random_graph(seed, nodes, 4 * nodes, sparse)
    for hyper in SETTINGS[name]:
        model = of_kind(name, hyper, seed)
        assert can_be_layered(model, graph)
        with torch.no_grad():
            whole, blocks = model(graph), predict_in_blocks(model, graph, block_bytes=4 * 8 * rows)
        for one, other in zip((blocks.logits, *blocks.hidden), (whole.logits, *whole.hidden), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", SAMPLED)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 999), nodes=st.integers(2, 20))
def test_all_neighbours_drawn_are_the_layer(name: str, seed: int, nodes: int) -> None:
    """In the outputs and in every gradient."""
    graph = random_graph(seed, nodes, 4 * nodes, sparse=False)
    for hyper in (each for each in SETTINGS[name] if "block" not in each):
        model = of_kind(name, {**hyper, "fan_out": nodes}, seed)
        seeds = torch.randperm(nodes)[: nodes // 2 + 1]
        drawn = NeighbourSampler(graph, model.fan_out).sample(seeds)
        whole, part = model(graph).logits[seeds], model(drawn).logits
        torch.testing.assert_close(part, whole)
        weights = torch.randn_like(whole)
        wanted = torch.autograd.grad((whole * weights).sum(), model.parameters(), allow_unused=True)
        found = torch.autograd.grad((part * weights).sum(), model.parameters(), allow_unused=True)
        for one, other in zip(found, wanted, strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize("kind", ["gcn", "symmetric", "sum", "sum_self", "mean"])
def test_the_mean_of_all_draws_is_the_propagation(kind: str) -> None:
    """Two of node 0's four neighbours, every pair once."""
    senders = torch.tensor([1, 2, 3, 4])
    graph = Graph.build(
        torch.eye(5, dtype=torch.float64), torch.stack([torch.cat([senders, torch.tensor([0, 4])]),
        torch.cat([torch.zeros(4, dtype=torch.long), torch.tensor([1, 1])])])
    )  # fmt: skip
    total = torch.zeros(5, dtype=torch.float64)
    pairs = list(combinations(senders.tolist(), 2))
    for pair in pairs:
        nodes = torch.tensor([0, *pair])
        block = Block(
            graph.dense_features()[nodes],
            torch.tensor([[1, 2], [0, 0]]),
            torch.tensor([0, 3]),
            senders=3,
            targets=1,
            degrees=graph.in_degrees()[nodes],
        )
        total[nodes] += block.propagation(kind).to_dense()[0] / len(pairs)  # type: ignore[arg-type]
    torch.testing.assert_close(total, graph.propagation(kind).to_dense()[0])  # type: ignore[arg-type]
