"""Filters, framelet operators and knowledge matrices against their definitions, in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from graph_distillery.bench.models.framelets.filters import FILTERS, band_count, chebyshev_coefficients
from graph_distillery.bench.models.framelets.operators import (
    FrameletSettings,
    framelet_system,
    laplacian,
    largest_eigenvalue,
    undirected,
)
from graph_distillery.methods.contract.graph import Graph

TIGHT = ["haar", "linear", "quadratic"]


def random_graph(nodes: int = 60, arcs: int = 150, seed: int = 0) -> Graph:
    """Directed arcs, isolated nodes at the end."""
    generator = torch.Generator().manual_seed(seed)
    edges = torch.randint(0, nodes - 2, (2, arcs), generator=generator)
    edges = edges[:, edges[0] != edges[1]].unique(dim=1)
    return Graph(torch.randn(nodes, 4, generator=generator, dtype=torch.float64), edges, torch.tensor([0, nodes]))


def dense_laplacian(graph: Graph) -> Tensor:
    adjacency = torch.zeros(graph.num_nodes, graph.num_nodes, dtype=torch.float64)
    adjacency[graph.edge_index[0], graph.edge_index[1]] = 1
    adjacency = torch.maximum(adjacency, adjacency.T)
    scale = adjacency.sum(1).clamp(min=1).rsqrt()
    return torch.eye(graph.num_nodes, dtype=torch.float64) - scale[:, None] * adjacency * scale


def dense_operators(graph: Graph, settings: FrameletSettings) -> list[Tensor]:
    """The truncated series by the eigenvectors of L and the paper's scales s^(-J + l - 1)."""
    values, vectors = torch.linalg.eigh(dense_laplacian(graph))
    exponent = math.log(float(values[-1]) / math.pi, settings.dilation) + settings.level - 1
    series = [chebyshev_coefficients(curve, settings.terms) for curve in FILTERS[settings.filter]]
    low, high = torch.ones_like(values), []
    for level in range(1, settings.level + 1):
        x = settings.dilation ** (-exponent + level - 1) * values
        angle = torch.arccos((2 / math.pi * x - 1).clamp(-1, 1))
        curves = [c[0] / 2 + sum(c[k] * torch.cos(k * angle) for k in range(1, settings.terms)) for c in series]
        high += [low * curve for curve in curves[1:]]
        low = low * curves[0]
    return [vectors @ torch.diag(band) @ vectors.T for band in (low, *high)]


def test_haar_at_order_two() -> None:
    """1/2 c_0 = the mean of cos(pi/4 (cos t + 1)): c_0 = 1.20439, c_1 = -/+ 0.51363."""
    low, high = (chebyshev_coefficients(curve, 2) for curve in FILTERS["haar"])
    assert low == pytest.approx([1.20439, -0.51363], abs=5e-6)
    assert high == pytest.approx([1.20439, 0.51363], abs=5e-6)


@pytest.mark.parametrize("name", TIGHT)
def test_banks_are_tight_and_their_series_converge(name: str) -> None:
    x = np.linspace(0, np.pi, 50)
    assert sum(curve(x) ** 2 for curve in FILTERS[name]) == pytest.approx(np.ones(50))
    for curve in FILTERS[name]:
        c = chebyshev_coefficients(curve, 12)
        c[0] /= 2
        assert np.polynomial.chebyshev.chebval(2 * x / np.pi - 1, c) == pytest.approx(curve(x), abs=1e-8)
    assert FILTERS[name][0](np.array([0.0, np.pi])) == pytest.approx([1, 0])
    assert all(curve(np.zeros(1)) == pytest.approx([0]) for curve in FILTERS[name][1:])


@pytest.mark.parametrize("name", TIGHT)
@pytest.mark.parametrize("level", [1, 2, 3])
def test_with_enough_terms_the_framelet_system_is_tight(name: Any, level: int) -> None:
    graph = random_graph()
    settings = FrameletSettings(name, terms=10, level=level)
    system = framelet_system(graph, settings, torch.float64)
    identity = torch.eye(graph.num_nodes, dtype=torch.float64)
    assert settings.bands == band_count(name, level)
    total = sum(system.apply((band,), system.apply((band,), identity)) for band in range(settings.bands))
    assert float((total - identity).abs().max()) < 1e-3


def test_the_published_order_two_is_not_tight() -> None:
    """Between 0.73 and 1.25 over [0, pi]."""
    x = np.linspace(-1, 1, 101)
    total = 0.0
    for curve in FILTERS["haar"]:
        c = chebyshev_coefficients(curve, 2)
        total = total + (c[0] / 2 + c[1] * x) ** 2
    assert (np.min(total), np.max(total)) == pytest.approx((0.73, 1.25), abs=0.01)


@pytest.mark.parametrize("epsilon", [0.0, 0.3])
@pytest.mark.parametrize(
    ("name", "terms", "level", "dilation"),
    [("haar", 2, 1, 2.0), ("haar", 5, 2, 2.0), ("linear", 2, 2, 3.0), ("quadratic", 4, 1, 2.0)],
)
def test_sparse_knowledge_is_the_dense_product(
    name: Any, terms: int, level: int, dilation: float, epsilon: float
) -> None:
    graph = random_graph()
    settings = FrameletSettings(name, terms, dilation, level, epsilon)
    system = framelet_system(graph, settings, torch.float64)
    weight = torch.randn(graph.num_nodes, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    adjacency = (dense_laplacian(graph) - torch.eye(graph.num_nodes, dtype=torch.float64)).abs() > 0
    loops = adjacency.double() + torch.eye(graph.num_nodes, dtype=torch.float64)
    degrees = loops.sum(1)
    normal = degrees.rsqrt()[:, None] * loops * degrees.rsqrt()
    everything = system.in_order(range(settings.bands))
    beside = torch.cat([weight] * settings.bands, dim=1)
    for band, operator in enumerate(dense_operators(graph, settings)):
        torch.testing.assert_close(system.apply((band,), weight), operator @ weight, atol=1e-10, rtol=0)
        shifted = normal + (1 if band else -1) * epsilon * torch.diag(1 / degrees)
        for power in (1, 2, 3):
            knowledge = torch.linalg.matrix_power(operator.T @ shifted @ operator, power)
            alone = system.knowledge((band,), power, weight)
            torch.testing.assert_close(alone, knowledge @ weight, atol=1e-10, rtol=0)
            shared = system.knowledge(everything, power, beside)[:, 5 * everything.index(band) :][:, :5]
            torch.testing.assert_close(shared, alone, atol=1e-10, rtol=0)


def test_the_gradient_of_the_weight_is_that_of_the_dense_product() -> None:
    system = framelet_system(random_graph(12, 30), FrameletSettings(terms=3), torch.float64)
    weight = torch.randn(12, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: system.knowledge((1, 0), 2, w), weight)


@pytest.mark.parametrize("nodes", [20, 200])
def test_the_largest_eigenvalue(nodes: int) -> None:
    graph = random_graph(nodes, 3 * nodes)
    expected = float(torch.linalg.eigvalsh(dense_laplacian(graph))[-1])
    assert largest_eigenvalue(laplacian(undirected(graph))) == pytest.approx(expected, abs=1e-7)


def test_an_even_cycle_has_eigenvalue_two_and_a_bare_graph_one() -> None:
    ends = torch.arange(80)
    ring = Graph(torch.zeros(80, 1), torch.stack([ends, (ends + 1) % 80]), torch.tensor([0, 80]))
    assert largest_eigenvalue(laplacian(undirected(ring))) == pytest.approx(2, abs=1e-7)
    bare = Graph(torch.zeros(5, 1), torch.empty(2, 0, dtype=torch.long), torch.tensor([0, 5]))
    assert largest_eigenvalue(laplacian(undirected(bare))) == 1


def test_operators_are_made_once_and_outside_inference_mode() -> None:
    graph = random_graph()
    with torch.inference_mode():
        system = framelet_system(graph, FrameletSettings(), torch.float64)
    assert framelet_system(graph, FrameletSettings(), torch.float64) is system
    weight = torch.randn(60, 2, dtype=torch.float64, requires_grad=True)
    system.knowledge((0,), 1, weight).sum().backward()
