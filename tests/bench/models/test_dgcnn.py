"""EdgeConv against the messages written out on every arc, and the published sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.models.dgcnn import neighbours as search
from graph_distillery.bench.models.dgcnn.model import EdgeConvolution
from graph_distillery.bench.models.dgcnn.neighbours import nearest
from graph_distillery.methods.contract.graph import Graph

SIZES = [7, 3, 12, 1, 7]


def union(sizes: list[int], width: int = 4) -> Graph:
    x = torch.randn(sum(sizes), width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Graph(x, torch.empty(2, 0, dtype=torch.long), torch.tensor([0, *sizes]).cumsum(0))


def by_loops(x: Tensor, sizes: list[int], k: int) -> list[list[int]]:
    found, start = [], 0
    for size in sizes:
        distance = torch.cdist(x[start : start + size], x[start : start + size])
        found += [sorted((start + row.argsort()[:k]).tolist()) for row in distance]
        start += size
    return found


@pytest.mark.parametrize("block", [1 << 24, 150, 20])
@pytest.mark.parametrize("sizes", [SIZES, [6, 6, 6], [9]])
def test_neighbours_are_the_nearest_of_the_same_graph(
    sizes: list[int], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Padded or not; all at once, a few graphs at a time, or rows of one."""
    monkeypatch.setattr(search, "BLOCK", block)
    graph = union(sizes)
    found = nearest(graph.features, graph, 5)
    expected = by_loops(graph.features, sizes, 5)
    assert [row[:count].tolist() for row, count in zip(found.indices, found.counts, strict=True)] == expected
    arcs = {(source, target) for target, row in enumerate(expected) for source in row if source != target}
    assert set(map(tuple, found.arcs.t().tolist())) == arcs
    assert found.places.to_dense().nonzero().tolist() == [[i, j] for i, row in enumerate(expected) for j in row]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_edge_convolution_equals_its_messages_on_arcs(batch_norm: bool, training: bool) -> None:
    """norm(U x_i + W (x_j - x_i)) on every arc, then the maximum; with some scales negative; and all gradients."""
    torch.manual_seed(1)
    graph = union(SIZES)
    layer = EdgeConvolution(4, 6, 5, batch_norm).double().train(training)
    reference = nn.BatchNorm1d(6).double().train(training)
    if layer.norm is not None:
        with torch.no_grad():
            for norm in (layer.norm, reference):
                norm.weight.copy_(torch.tensor([1.0, -0.7, 0.3, -2.0, 1.5, 0.9]))
                norm.bias.copy_(torch.arange(6.0))
                norm.running_mean.fill_(0.2)
                norm.running_var.fill_(1.7)
    x = graph.features.clone().requires_grad_()
    near = by_loops(graph.features, SIZES, 5)
    targets = torch.tensor([i for i, row in enumerate(near) for _ in row])
    sources = torch.tensor([j for row in near for j in row])
    messages = x[targets] @ layer.centre.weight + (x[sources] - x[targets]) @ layer.difference.weight
    messages = reference(messages) if batch_norm else messages + layer.centre.bias
    expected = torch.stack([messages[targets == node].max(dim=0).values for node in range(len(near))])
    found = layer(graph, x)
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(found)
    inputs = [x, layer.centre.weight, layer.difference.weight]
    ours, theirs = (torch.autograd.grad((out * weights).sum(), inputs, retain_graph=True) for out in (found, expected))
    torch.testing.assert_close(ours, theirs)
    if layer.norm is not None:
        torch.testing.assert_close(dict(layer.norm.named_buffers()), dict(reference.named_buffers()))
        mine = torch.autograd.grad((found * weights).sum(), [layer.norm.weight, layer.norm.bias])
        torch.testing.assert_close(
            mine, torch.autograd.grad((expected * weights).sum(), [reference.weight, reference.bias])
        )


TEACHER = {"layers": 5, "widths": "64-64-128-256", "embedding": 1024, "head": "512-256", "norm": "batch"}
STUDENT = {"layers": 4, "widths": "32-32-64", "embedding": 128, "head": "256", "norm": "batch", "k": 10}


def test_the_published_sizes() -> None:
    """1.81 M, counted layer by layer from the authors' classifier of 40 classes; LSP's student of 0.10 M."""
    maps = 2 * (3 * 64 + 64 * 64 + 64 * 128 + 128 * 256) + 512 * 1024 + 2048 * 512 + 512 * 256 + 256 * 40 + 40
    norms = 2 * (64 + 64 + 128 + 256 + 1024 + 512 + 256)
    count = sum(p.numel() for p in build_model("dgcnn", 3, 40, TEACHER, "graph").parameters())
    assert count == maps + norms
    assert round(count / 1e6, 2) == 1.81
    assert round(sum(p.numel() for p in build_model("dgcnn", 3, 40, STUDENT, "graph").parameters()) / 1e6, 2) == 0.10


def test_turning_and_moving_coordinates_keeps_the_first_graph_and_its_layers_differ() -> None:
    graph = union([30, 30], width=3)
    model = build_model("dgcnn", 3, 8, {"layers": 4, "hidden": 16, "k": 6}, "graph").double().eval()
    output = model(graph)
    assert [arcs.shape[1] for arcs in output.edges] == [60 * 5] * 3
    assert len({tuple(arcs.flatten().tolist()) for arcs in output.edges}) == 3
    rotation = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64)).Q
    moved = model(graph.with_features(graph.features @ rotation + 1))
    assert torch.equal(moved.edges[0], output.edges[0])
    assert all(bool((graph.graph_of_node[a] == graph.graph_of_node[b]).all()) for a, b in output.edges)


def test_the_order_of_points_does_not_matter() -> None:
    graph = union([20, 20], width=3)
    order = torch.cat([torch.randperm(20), 20 + torch.randperm(20)])
    model = build_model("dgcnn", 3, 8, TEACHER | {"k": 6}, "graph").double().eval()
    torch.testing.assert_close(model(graph).logits, model(graph.with_features(graph.features[order])).logits)


def test_macs_by_hand() -> None:
    hyper: dict[str, Any] = {"layers": 3, "widths": "8-16", "embedding": 32, "head": "24", "k": 4}
    model = build_model("dgcnn", 3, 5, hyper, "graph")
    linear = 2 * 100 * (3 * 8 + 8 * 16) + 100 * 24 * 32 + 10 * (64 * 24 + 24 * 5)
    assert model.macs(100, 0, 10) == linear + 100 * 10 * (3 + 8)


@pytest.mark.parametrize(
    ("hyper", "words"),
    [
        ({"widths": "8-16"}, ["widths names 2 layers", "layers - 1 = 3"]),
        ({"head": "8,16"}, ["head = '8,16'"]),
        ({"k": 0}, ["k = 0"]),
    ],
)
def test_wrong_sizes_are_told_in_one_line(hyper: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        build_model("dgcnn", 3, 2, {"layers": 4, **hyper})
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words)


def test_node_level_and_dropout_of_states_alone() -> None:
    graph = union([25])
    torch.manual_seed(0)
    model = build_model("dgcnn", 4, 3, {"layers": 3, "hidden": 8, "k": 4, "dropout": 0.5, "norm": "batch"}).double()
    first, second = (model(graph) for _ in range(2))
    assert not torch.equal(first.logits, second.logits)
    assert torch.equal(first.edges[1], second.edges[1])
    assert first.logits.shape == (25, 3)
    F.cross_entropy(first.logits, torch.zeros(25, dtype=torch.long)).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
