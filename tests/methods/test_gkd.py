"""GKD: its kernels in closed form, its weights pair by pair, and what the student does without."""

from __future__ import annotations

from math import exp

import pytest
import torch
from torch import Tensor

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.training.engine import Configuration, build, make_batches
from graph_distillery.methods.gkd.kernels import HeatKernel, pair_distance
from graph_distillery.methods.gkd.method import standardised
from graph_distillery.methods.gkd.privilege import chances, without_edges_of

KINDS = ("sigmoid", "gauss", "random")


def drawn(rows: int, width: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_are_symmetric_and_alike_for_alike_states(kind: str) -> None:
    """A rotation is nothing to all but the random one."""
    kernel = HeatKernel(kind, 0.7, 3, 2)  # type: ignore[arg-type]
    states = drawn(9, 5)
    turn, _ = torch.linalg.qr(drawn(5, 5, 3))
    same, again = kernel(states, states.clone())
    assert torch.allclose(same, same.T, atol=1e-12)
    assert torch.allclose(same, again, atol=1e-12)
    one, turned = kernel(states, states @ turn)
    assert torch.allclose(one, turned, atol=1e-9) == (kind != "random")


def test_kernels_by_hand() -> None:
    states = torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=torch.float64)
    gauss, _ = HeatKernel("gauss", 2.0, 1, 2)(states, states)
    assert gauss.flatten().tolist() == pytest.approx([1, exp(-2.5), exp(-2.5), 1], rel=1e-5)
    sigmoid, _ = HeatKernel("sigmoid", 1.0, 1, 2)(states / 5, states / 5)
    assert sigmoid[1, 1].item() == pytest.approx((exp(2) - 1) / (exp(2) + 1), rel=1e-12)


def test_a_distance_pair_by_pair() -> None:
    """Of nodes 4, 1 and 3, where 1 - 3 and 3 - 0 are joined: the pair of rows 1 and 2 counts whole, as the diagonal."""
    student, teacher = drawn(3, 3, 1), drawn(3, 3, 2)
    arcs = torch.tensor([[1, 3, 3, 0], [3, 1, 0, 3]])
    found = pair_distance(student, teacher, arcs, torch.tensor([4, 1, 3]), 5, 0.2)
    weights = torch.tensor([[1.0, 0.2, 0.2], [0.2, 1.0, 1.0], [0.2, 1.0, 1.0]], dtype=torch.float64)
    assert found.item() == pytest.approx((weights * (student - teacher) ** 2).sum().item(), rel=1e-12)


def test_a_step_is_the_formula_on_the_states_of_both() -> None:
    example = problem_for("node-classification")
    configuration = Configuration("gkd", "paper", {"alpha": 0.3, "nodes": 4000}, "gcn", {"dropout": 0.0, "hidden": 8})
    method = build(configuration, example.problem, (example.teacher,)).train()
    (batch,) = list(make_batches(method, configuration, example.problem).epoch("observed"))
    output = method(batch.graph)
    kernels = []
    for state in (output.state("preactivation.-1"), batch.teacher.state("preactivation.-1")):
        unit = (state - state.mean(0)) / state.var(0, unbiased=False).sqrt()
        kernels.append((unit @ unit.T).tanh())
    count = batch.graph.num_nodes
    weights = torch.full((count, count), 0.1).fill_diagonal_(1.0)
    weights[batch.graph.edge_index[0], batch.graph.edge_index[1]] = 1.0
    expected = 0.3 * (weights * (kernels[0] - kernels[1]).square()).sum()
    assert method.loss(batch, output)["kernels"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_states_are_standardised() -> None:
    found = standardised(drawn(50, 4) * 7 + 3)
    assert torch.allclose(found.mean(0), torch.zeros(4, dtype=torch.float64), atol=1e-9)
    assert torch.allclose(found.var(0, unbiased=False), torch.ones(4, dtype=torch.float64), atol=1e-6)


def test_every_view_lacks_the_same_edges() -> None:
    graph = problem_for("node-classification").problem.training.graph
    fewer = without_edges_of(graph, 0.4, 12345, None)
    assert fewer.num_edges / graph.num_edges == pytest.approx(0.6, abs=0.02)
    kept = {tuple(arc) for arc in fewer.edge_index.T.tolist()}
    assert all((j, i) in kept for i, j in kept)
    nodes = torch.arange(graph.num_nodes).flip(0)[:900]
    part = without_edges_of(graph.induced_subgraph(nodes), 0.4, 12345, None)
    seen = {tuple(arc) for arc in nodes[part.edge_index].T.tolist()}
    inside = set(nodes.tolist())
    assert seen == {arc for arc in kept if arc[0] in inside and arc[1] in inside}
    other = without_edges_of(graph, 0.4, 54321, None)
    assert len(kept & {tuple(arc) for arc in other.edge_index.T.tolist()}) < 0.7 * len(kept)
    assert chances(torch.arange(20000), 7).mean().item() == pytest.approx(0.5, abs=0.01)


def test_lost_nodes_have_no_edge_and_no_label() -> None:
    example = problem_for("node-classification")
    configuration = Configuration("gkd", "paper", {"lost_nodes": 0.5}, "gcn", {"hidden": 8})
    method = build(configuration, example.problem, (example.teacher,)).train()
    (batch,) = list(make_batches(method, configuration, example.problem).epoch("observed"))
    lost = method.lost
    assert 0 < lost.numel() < batch.labelled.numel()
    left = method.inputs(batch.graph)
    assert not torch.isin(left.edge_index, lost).any()
    assert left.num_edges == batch.graph.num_edges - int(torch.isin(batch.graph.edge_index, lost).any(0).sum())
    labelled, labels = method._still_labelled(batch)
    assert labelled.numel() == labels.numel() == batch.labelled.numel() - lost.numel()
