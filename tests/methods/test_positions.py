"""Positions against their closed forms, and skip-gram against the gradient of its objective."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.methods.artefacts import ARTEFACTS
from graph_distillery.methods.artefacts.positions.make import Positions
from graph_distillery.methods.artefacts.positions.skip_gram import move, window_weights
from graph_distillery.methods.artefacts.positions.walks import Neighbours, random_walks
from graph_distillery.methods.contract import Graph

SETTINGS = dict(ARTEFACTS.get("positions").settings)


def undirected(pairs: list[tuple[int, int]], nodes: int) -> Graph:
    arcs = torch.tensor(pairs).T
    return Graph.build(torch.ones(nodes, 1), torch.cat([arcs, arcs.flip(0)], 1))


#: Two communities of five, each a ring with a chord, and the node 10 alone.
RINGS = [(b + i, b + (i + 1) % 5) for b in (0, 5) for i in range(5)] + [(0, 2), (5, 7)]
GRAPH = undirected(RINGS, 11)


def adjacency(graph: Graph) -> Tensor:
    dense = torch.zeros(graph.num_nodes, graph.num_nodes, dtype=torch.float64)
    dense[graph.edge_index[0], graph.edge_index[1]] = 1
    return dense


def test_walks_follow_edges_uniformly_from_every_node_that_has_one() -> None:
    walks = random_walks(Neighbours.of(GRAPH), 200, 6, torch.Generator().manual_seed(1))
    dense = adjacency(GRAPH)
    assert walks.shape == (2000, 6)
    assert bool((dense[walks[:, :-1], walks[:, 1:]] == 1).all())
    assert torch.equal(walks[:, 0].bincount(minlength=11), torch.tensor([200] * 10 + [0]))
    after = walks[:, 1:][walks[:, :-1] == 0].bincount(minlength=11)[[1, 2, 4]]  # the neighbours of node 0
    assert float((after / after.sum() - 1 / 3).abs().max()) < 0.03


def test_a_step_of_skip_gram_is_the_gradient_pair_by_pair() -> None:
    generator = torch.Generator().manual_seed(2)
    vectors, contexts = (torch.randn(6, 3, generator=generator, requires_grad=True) for _ in range(2))
    walks, others = (torch.randint(6, (2, n), generator=generator) for n in (5, 4))
    weights = window_weights(5, 2)
    assert weights[0].tolist() == [0, 1, 0.5, 0, 0]
    total = torch.zeros(())
    for walk, drawn in zip(walks, others, strict=True):
        for i in range(5):
            for j in range(5):
                weight = float(weights[i, j])
                total = total + weight * F.logsigmoid(vectors[walk[i]] @ contexts[walk[j]])
                for n in range(4):
                    total = total + weight * 5 / 4 * F.logsigmoid(-(vectors[walk[i]] @ contexts[drawn[n]]))
    of_vectors, of_contexts = torch.autograd.grad(total, (vectors, contexts))
    moved = [vectors.detach().clone(), contexts.detach().clone()]
    move(moved[0], moved[1], walks, others, weights, 5, 0.1)
    torch.testing.assert_close(moved[0], vectors.detach() + 0.1 * of_vectors)
    torch.testing.assert_close(moved[1], contexts.detach() + 0.1 * of_contexts)


def test_deepwalk_tells_communities_apart_and_is_the_same_twice() -> None:
    settings = {**SETTINGS, "position_dim": 4, "walk_epochs": 50}
    found = Positions.make(GRAPH, settings)["positions"]
    assert torch.equal(found, Positions.make(GRAPH, settings)["positions"])
    rows = F.normalize(found[:10], dim=1)
    cosine = rows @ rows.T
    inside = torch.stack([cosine[:5, :5], cosine[5:, 5:]])
    assert float(inside.min()) > float(cosine[:5, 5:].max())
    assert found[10].abs().max() == 0


def test_netmf_is_the_decomposition_of_its_matrix() -> None:
    found = Positions.make(GRAPH, {**SETTINGS, "position": "netmf", "position_dim": 3, "window": 4})[
        "positions"
    ].double()
    a = adjacency(GRAPH).numpy()[:10, :10]
    degrees = a.sum(1)
    walk = a / degrees[:, None]
    powers = sum(np.linalg.matrix_power(walk, r) for r in range(1, 5))
    matrix = np.log(np.maximum(a.sum() / 4 * powers / degrees[None, :], 1))
    _, singular, _ = np.linalg.svd(matrix)
    for k in range(3):
        column = found[:10, k].numpy()
        assert column @ column == pytest.approx(singular[k], rel=1e-5)
        assert np.abs(np.abs(matrix @ column) - singular[k] * np.abs(column)).max() < 1e-5


def test_the_laplacians_of_a_ring_have_the_eigenvalues_of_a_ring() -> None:
    nodes = 40
    ring = undirected([(i, (i + 1) % nodes) for i in range(nodes)], nodes)
    found = Positions.make(ring, {**SETTINGS, "position": "laplacian", "position_dim": 4})["positions"].double()
    laplacian = torch.eye(nodes, dtype=torch.float64) - adjacency(ring) / 2
    for k, frequency in enumerate((1, 1, 2, 2)):
        value = 1 - np.cos(2 * np.pi * frequency / nodes)
        torch.testing.assert_close(laplacian @ found[:, k], value * found[:, k], atol=1e-5, rtol=0)
        assert float(found[:, k].square().mean()) == pytest.approx(1, rel=1e-5)


def test_a_new_node_stands_at_the_mean_of_its_observed_neighbours_or_at_zero() -> None:
    """Nodes 3 and 4 are new: 3 has the neighbours 0, 1 and 4, and 4 has 3 alone."""
    known = torch.tensor([[1.0, 0.0], [3.0, 2.0], [5.0, 5.0]])
    whole = undirected([(0, 1), (1, 2), (0, 3), (1, 3), (3, 4)], 5)
    found = Positions.extend({"positions": known}, whole, torch.tensor([0, 1, 2, -1, -1]), SETTINGS)["positions"]
    assert torch.equal(found, torch.cat([known, torch.tensor([[2.0, 1.0], [0.0, 0.0]])]))
    cold = Positions.extend({"positions": known}, whole.without_edges(), torch.tensor([0, 1, 2, -1, -1]), SETTINGS)
    assert torch.equal(cold["positions"], torch.cat([known, torch.zeros(2, 2)]))
