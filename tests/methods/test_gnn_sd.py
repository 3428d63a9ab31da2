"""GNN-SD: neighbourhood discrepancy rates node by node, and when they are retained."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.training.engine import Configuration, build
from graph_distillery.methods.contract import Batch, Method, Output, TrainingData
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.gnn_sd.method import GNNSD, discrepancy_rates, retaining

Make = Callable[..., Method[Any]]


def test_rates_node_by_node() -> None:
    """A path of three and a node alone, which has no neighbourhood to differ from."""
    ends = torch.tensor([[0, 1], [1, 2]])
    graph = Graph.build(torch.ones(4, 1), torch.cat([ends, ends.flip(0)], 1))
    x = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0], [5.0, 5.0]])
    half = 1 - 2**-0.5
    middle = 1 - 3 / (2**0.5 * 5**0.5)  # (1, 1) against the mean (0.5, 1)
    torch.testing.assert_close(discrepancy_rates(x, graph), torch.tensor([half, middle, half, 0.0]))
    assert torch.allclose(discrepancy_rates(3 * x, graph), discrepancy_rates(x, graph))
    alike = torch.ones(4, 2) * torch.tensor([2.0, 1.0])
    torch.testing.assert_close(discrepancy_rates(alike, graph), torch.zeros(4), atol=1e-6, rtol=0)


def test_deeper_layers_are_asked_back_what_they_smoothed_away_and_nothing_else() -> None:
    """Norms 1, 4, 3, 3.5: the first layer grows, the third shrank from the second, the fourth did not shrink."""
    rates = [torch.full((4,), value, requires_grad=True) for value in (0.5, 2.0, 1.5, 1.75)]
    term = retaining(rates)
    assert float(term.detach()) == pytest.approx(0.25)
    gradients = torch.autograd.grad(term, rates, allow_unused=True)
    still = torch.zeros(4)
    for number in (0, 1, 3):  # the second is a constant to the third
        assert gradients[number] is None or torch.equal(gradients[number], still)
    torch.testing.assert_close(gradients[2], torch.full((4,), 2 * -0.5 / 4))


def test_the_loss_is_that_of_the_layers_and_the_logits(make: Make, data: TrainingData) -> None:
    method = make(GNNSD, alpha=0.7)
    generator = torch.Generator().manual_seed(0)
    rough, smooth = torch.randn(12, 6, generator=generator), torch.randn(1, 3, generator=generator).expand(12, 3)
    batch = Batch(data.graph, torch.arange(12), data.labelled, data.labels)
    terms = method.loss(batch, Output(smooth + 0.1 * rough[:, :3], (rough,)))
    first, last = (discrepancy_rates(each, data.graph) for each in (rough, smooth + 0.1 * rough[:, :3]))
    assert first.norm() > last.norm()
    torch.testing.assert_close(terms["discrepancy"], 0.7 * (first - last).square().mean())
    assert terms.keys() == {"labels", "discrepancy"}


def test_readouts_are_compared_on_whole_graphs() -> None:
    problem = problem_for("graph-classification").problem
    method = build(Configuration("gnn-sd", student="gcn", student_hyper={"hidden": 6, "layers": 4}), problem, ())
    graph = problem.training.graph
    layers = method.student(graph).hidden  # type: ignore[misc]
    found = method.readout_term(layers, graph, torch.zeros(1))
    starts = graph.graph_pointers.tolist()

    def mean(layer: Tensor) -> Tensor:
        return torch.stack([layer[a:b].mean(0) for a, b in pairwise(starts)])

    expected = sum((mean(layers[i + 1]) - mean(layers[i])).square().mean() for i in range(2))
    torch.testing.assert_close(found, expected)


def test_sampled_neighbours_are_refused() -> None:
    problem = problem_for("node-classification").problem
    with pytest.raises(ValueError, match="fan_out: discrepancy rates are of all neighbours; take null"):
        build(Configuration("gnn-sd", student="sage", student_hyper={"fan_out": "5,5"}), problem, ())
