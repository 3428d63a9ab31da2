"""MuGSI: every term against its closed form, and what its artefacts hold."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from graph_distillery.bench.conformance import Case, problem_for
from graph_distillery.bench.training.engine import Configuration, build
from graph_distillery.bench.training.precomputed import prepared
from graph_distillery.methods.artefacts.communities.make import Communities, louvain
from graph_distillery.methods.artefacts.graph_positions.make import laplacian_of_graphs
from graph_distillery.methods.contract import Graph
from graph_distillery.methods.mugsi.terms import (
    community_difference,
    draw_walks,
    readout_difference,
    walk_divergence,
)

GRAPHS = "graph-classification"


def both_ways(*edges: tuple[int, int]) -> Tensor:
    ends = torch.tensor(edges).T
    return torch.cat([ends, ends.flip(0)], dim=1)


@pytest.fixture
def union() -> Graph:
    """Three triangles in a chain (nodes 0 to 8), a path of three (9 to 11), two nodes without an edge (12, 13)."""
    triangles = [(3 * t + a, 3 * t + b) for t in range(3) for a, b in ((0, 1), (1, 2), (0, 2))]
    edges = both_ways(*triangles, (2, 3), (5, 6), (9, 10), (10, 11))
    return Graph.build(torch.ones(14, 1), edges, torch.tensor([0, 9, 12, 14]))


def states(seed: int, width: int) -> Tensor:
    return torch.randn(14, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_readouts_by_hand() -> None:
    student, teacher = torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.tensor([[0.0, 2.0], [1.0, 0.0]])
    expected = (0.6**2 + 0.2**2 + 1.0) / 4  # (0.6, 0.8) against (0, 1), and zeros, which stay, against (1, 0)
    assert float(readout_difference(student, teacher)) == pytest.approx(expected)


def test_communities_are_the_triangles_and_their_cosines_are_matched(union: Graph) -> None:
    found = Communities.make(union, {"resolution": 1.0})["communities"]
    assert found.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0, 0, 1]
    student, teacher = states(0, 5), states(1, 3)

    def cosines(x: Tensor) -> Tensor:
        means = torch.nn.functional.normalize(torch.stack([x[i : i + 3].mean(0) for i in (0, 3, 6)]), dim=1)
        return means @ means.T

    expected = 0.5 * torch.linalg.matrix_norm(cosines(student) - cosines(teacher)).square() / 3
    torch.testing.assert_close(community_difference(student, teacher, union, found), expected)
    turn, _ = torch.linalg.qr(states(2, 5)[:5])  # neither scale nor rotation of either side acts
    again = community_difference(7 * student @ turn, 0.1 * teacher, union, found)
    torch.testing.assert_close(again, expected)


def test_graphs_of_one_or_two_communities_have_no_term(union: Graph) -> None:
    few = torch.tensor([0] * 4 + [1] * 5 + [0] * 3 + [0, 1])
    assert float(community_difference(states(0, 5), states(1, 3), union, few)) == 0


def test_walks_follow_edges_from_nodes_that_have_one(union: Graph) -> None:
    torch.manual_seed(0)
    walks, graphs = draw_walks(union, 200, 6)
    assert graphs.bincount(minlength=3).tolist() == [200, 200, 0]
    assert walks.shape == (400, 7)
    arcs = set(map(tuple, union.edge_index.T.tolist()))
    assert all(step in arcs for walk in walks.tolist() for step in pairwise(walk))
    starts = walks[:200, 0].bincount(minlength=9)
    assert int(starts.min()) > 8  # each of nine is expected 22 times


def test_walks_by_hand(union: Graph) -> None:
    """One walk in a graph of three, of three graphs: the start with each node after it."""
    student, teacher = states(0, 5), states(1, 3)
    walks = torch.tensor([[0, 1, 2, 0], [9, 10, 9, 10]])

    def chances(x: Tensor, walk: list[int]) -> Tensor:
        return torch.softmax(torch.stack([x[walk[0]] @ x[j] for j in walk[1:]]), 0)

    expected = sum(
        float((chances(teacher, walk) * (chances(teacher, walk) / chances(student, walk)).log()).sum())
        for walk in walks.tolist()
    )
    found = float(walk_divergence(student, teacher, walks, 1, 3))
    assert found == pytest.approx(expected / 3)
    assert float(walk_divergence(teacher, teacher, walks, 1, 3)) == pytest.approx(0, abs=1e-12)


def test_positions_are_eigenvectors_of_each_graph_alone(union: Graph) -> None:
    found = laplacian_of_graphs(union, 4).double()
    adjacency = torch.zeros(14, 14, dtype=torch.float64)
    adjacency[union.edge_index[0], union.edge_index[1]] = 1
    scale = adjacency.sum(1).clamp(min=1).rsqrt()
    for start, end in ((0, 9), (9, 12)):
        own = found[start:end]
        part = torch.eye(end - start) - (scale[:, None] * adjacency * scale)[start:end, start:end]
        values = np.linalg.eigvalsh(part.numpy())[1:5]
        for column, value in zip(own.T, values, strict=False):
            torch.testing.assert_close(part @ column, value * column, atol=1e-6, rtol=0)
            assert float(column.norm()) == pytest.approx(1, abs=1e-6)
            assert column.max() + column.min() > -1e-6  # of equal sizes the first
    assert found[9:12, 2:].abs().max() == 0  # three nodes have two vectors beside the first
    alone = laplacian_of_graphs(union.select_graphs(torch.tensor([1])), 4).double()
    torch.testing.assert_close(found[9:12], alone)


def test_a_large_graph_has_the_positions_of_the_same_matrix(monkeypatch: pytest.MonkeyPatch, union: Graph) -> None:
    """Above a size it is another solver's work."""
    line = Graph.build(torch.ones(40, 1), both_ways(*pairwise(range(40))))
    dense = laplacian_of_graphs(line, 3)
    monkeypatch.setattr("graph_distillery.methods.artefacts.graph_positions.make._DENSE", 10)
    torch.testing.assert_close(laplacian_of_graphs(line, 3), dense, atol=1e-5, rtol=0)


def test_a_graph_without_edges_is_communities_of_one_node() -> None:
    assert louvain(torch.empty(2, 0, dtype=torch.long), 3, 1.0).tolist() == [0, 1, 2]


@pytest.mark.parametrize("student", ["mlp", "ga-mlp"])
def test_the_loss_holds_every_term_by_its_weight(student: str) -> None:
    example = problem_for(GRAPHS)
    weights = {"soft_weight": 2.0, "graph_weight": 0.5, "cluster_weight": 0.3, "path_weight": 0.7}
    asked = Configuration("mugsi", "paper", {**weights, "position_dim": 5}, student, {"hidden": 8, "norm": "batch"})
    problem = prepared(example.problem, asked)
    method = build(asked, problem, (example.teacher,))
    batch = next(iter_batches(method, asked, problem))
    torch.manual_seed(3)
    output = method(batch.graph)
    found = method.loss(batch, output)
    assert found.keys() == {"labels", "teacher", "graphs", "clusters", "paths"}
    teacher = example.teacher
    divergence = method.task.divergence(output.logits, teacher.logits, 1.0)
    torch.testing.assert_close(found["teacher"], 2.0 * divergence)
    difference = readout_difference(method.encoder(output.pooled), teacher.state("pooled"))  # type: ignore[operator]
    torch.testing.assert_close(found["graphs"], 0.5 * difference)
    columns = batch.graph.node_columns
    matched = community_difference(output.hidden[-1], teacher.hidden[-1], batch.graph, columns["communities"])
    torch.testing.assert_close(found["clusters"], 0.3 * matched)
    torch.manual_seed(3)
    walks, _ = draw_walks(batch.graph, 20, 8)
    said = walk_divergence(output.hidden[-1], teacher.hidden[-1], walks, 20, batch.graph.num_graphs)
    torch.testing.assert_close(found["paths"], 0.7 * said)


def iter_batches(method, asked, problem):  # type: ignore[no-untyped-def]
    from graph_distillery.bench.training.engine import make_batches

    return make_batches(method, asked, problem).epoch("observed")


@pytest.mark.parametrize("method", ["glnn", "kd"])
def test_an_mlp_learns_graphs_from_a_gnn(method: str) -> None:
    """In mini-batches of graphs: the student reads no edge, and follows the teacher where labels weigh nothing."""
    case = Case(method, GRAPHS, "mlp")
    only = {"label_weight": 0.0} if method == "glnn" else {"alpha": 1.0, "tau": 1.0}
    trained = case.trained(only, batch_size=32, epochs=15)
    graph, teacher = case.example.problem.training.graph, case.example.teacher
    with torch.inference_mode():
        bare = trained.method.eval().predict(graph.without_edges()).logits
        torch.testing.assert_close(trained.method.predict(graph).logits, bare)
        fresh = case.fresh().eval().predict(graph).logits
    task = trained.method.task
    assert task.divergence(bare, teacher.logits, 1.0) < 0.8 * task.divergence(fresh, teacher.logits, 1.0)
