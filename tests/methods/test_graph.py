"""Graphs against brute force and dense formulas."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.propagation import PropagationKind
from graph_distillery.methods.contract.sparse import SparseMatrix


@st.composite
def unions(draw: st.DrawFn) -> Graph:
    """One to four directed graphs, some without nodes or edges; features dense or sparse, row i holding i + 1."""
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    pointers = torch.tensor([0, *sizes]).cumsum(0)
    arcs = []
    for start, size in zip(pointers.tolist(), sizes, strict=False):
        pairs = [(start + i, start + j) for i in range(size) for j in range(size) if i != j]
        if pairs:
            arcs += draw(st.lists(st.sampled_from(pairs), unique=True))
    order = draw(st.permutations(arcs))
    edges = torch.tensor(order, dtype=torch.long).view(-1, 2).T
    features = torch.arange(1.0, int(pointers[-1]) + 1, dtype=torch.float64)[:, None] * torch.ones(1, 2)
    kept = SparseMatrix.from_torch(features) if draw(st.booleans()) else features
    return Graph(kept, edges, pointers)


def dense(graph: Graph) -> Tensor:
    """[target, source] adjacency."""
    adjacency = torch.zeros(graph.num_nodes, graph.num_nodes, dtype=torch.float64)
    adjacency[graph.edge_index[1], graph.edge_index[0]] = 1
    return adjacency


@given(unions())
def test_propagation_matrices(graph: Graph) -> None:
    adjacency, identity = dense(graph), torch.eye(graph.num_nodes, dtype=torch.float64)
    looped = adjacency + identity
    degree, in_looped = adjacency.sum(1, keepdim=True), looped.sum(1, keepdim=True)
    expected: dict[PropagationKind, Tensor] = {
        "sum": adjacency,
        "sum_self": looped,
        "mean": torch.where(degree > 0, adjacency / degree.clamp(min=1), 0),
        "mean_self": looped / in_looped,
        "gcn": looped / (in_looped * in_looped.T).sqrt(),
    }
    for kind, matrix in expected.items():
        torch.testing.assert_close(graph.propagation(kind).to_dense(), matrix)
        assert graph.propagation(kind) is graph.propagation(kind)


@given(unions(), st.data())
def test_selected_graphs(graph: Graph, data: st.DataObject) -> None:
    """The chosen graphs side by side, in the order asked for."""
    chosen = data.draw(st.lists(st.integers(0, graph.num_graphs - 1), unique=True))
    nodes = [
        node for one in chosen for node in range(int(graph.graph_pointers[one]), int(graph.graph_pointers[one + 1]))
    ]
    picked = torch.tensor(chosen, dtype=torch.long)
    part = graph.select_graphs(picked)
    assert graph.nodes_of(picked).tolist() == nodes
    assert torch.equal(part.dense_features(), graph.dense_features()[nodes])
    assert torch.equal(dense(part), dense(graph)[nodes][:, nodes])
    assert part.num_edges == int(dense(part).sum())
    assert part.graph_pointers.diff().tolist() == [int(graph.graph_pointers.diff()[one]) for one in chosen]
    owners = [place for place, one in enumerate(chosen) for _ in range(int(graph.graph_pointers.diff()[one]))]
    assert part.graph_of_node.tolist() == owners


@given(unions(), st.data())
def test_induced_subgraph_and_rows(graph: Graph, data: st.DataObject) -> None:
    nodes = data.draw(st.permutations(range(graph.num_nodes)).flatmap(lambda all_: st.just(all_[: len(all_) // 2 + 1])))
    chosen = torch.tensor(nodes, dtype=torch.long)
    part, rows = graph.induced_subgraph(chosen), graph.rows(chosen)
    assert torch.equal(part.dense_features(), graph.dense_features()[nodes])
    assert torch.equal(rows.dense_features(), graph.dense_features()[nodes])
    assert torch.equal(dense(part), dense(graph)[nodes][:, nodes])
    assert part.num_edges == int(dense(part).sum())
    assert (part.num_graphs, rows.num_graphs, rows.num_edges) == (1, 1, 0)


@given(unions())
def test_edges_by_target(graph: Graph) -> None:
    sources, targets, pointers = graph.edges_by_target
    adjacency = dense(graph)
    for node in range(graph.num_nodes):
        inner = slice(int(pointers[node]), int(pointers[node + 1]))
        assert sorted(sources[inner].tolist()) == adjacency[node].nonzero().flatten().tolist()
        assert (targets[inner] == node).all()


def test_storage_follows_density() -> None:
    edges = torch.zeros(2, 0, dtype=torch.long)
    assert isinstance(Graph.build(torch.eye(6), edges).features, SparseMatrix)
    assert isinstance(Graph.build(torch.eye(5), edges).features, Tensor)
    assert torch.equal(Graph.build(torch.eye(6), edges).dense_features(), torch.eye(6))


def test_other_features_on_the_same_edges() -> None:
    graph = Graph.build(torch.eye(6), torch.tensor([[0, 1], [1, 0]]))
    matrix, _ = graph.propagation("gcn"), graph.dense_features()
    other = graph.with_features(torch.ones(6, 2))
    assert other.propagation("gcn") is matrix
    assert torch.equal(other.dense_features(), torch.ones(6, 2))
    with pytest.raises(ValueError, match="features have 5 rows for 6 nodes"):
        graph.with_features(torch.ones(5, 2))


def test_what_was_made_in_inference_mode_still_trains() -> None:
    graph = Graph.build(torch.eye(6), torch.tensor([[0, 1], [1, 0]]))
    with torch.inference_mode():
        _ = graph.dense_features(), graph.propagation("gcn"), graph.graph_of_node, graph.edges_by_target
    weight = torch.ones(6, 1, requires_grad=True)
    out = graph.propagation("gcn") @ (graph.dense_features() @ weight)
    (out[graph.edges_by_target[0]] * out[graph.graph_of_node][:2]).sum().backward()
    assert weight.grad is not None
