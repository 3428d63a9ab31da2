"""The split whose test nodes lose their edges, worked out by hand and on Cora."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loading import load_dataset
from graph_distillery.bench.data.splits import isolated_nodes, make_split
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training.problem import ProblemKey, load_problem, observed_by, open_test_set
from graph_distillery.methods.contract import Graph


def toy(extra: int) -> Dataset:
    """Two classes of 200 nodes on a ring; node i of the first `extra` has an edge to each of i others beyond it."""
    nodes = 400
    pairs = [(i, (i + 1) % nodes) for i in range(nodes)]
    pairs += [(i, (i + 10 + j) % nodes) for i in range(extra) for j in range(i)]
    arcs = torch.tensor(pairs).T
    graph = Graph.build(torch.eye(nodes), torch.cat([arcs, arcs.flip(0)], 1).unique(dim=1))
    return Dataset.build("toy", "node-classification", "accuracy", graph, torch.arange(nodes) % 2, 2)


def test_the_least_degrees_are_those_below_the_fourth_median() -> None:
    data = toy(30)
    degrees = data.graph.in_degrees().tolist()
    below = degrees
    for _ in range(4):
        below = [degree for degree in degrees if degree <= float(np.median(below))]
    least = sorted((node for node in range(400) if degrees[node] <= max(below)), key=lambda node: (degrees[node], node))
    assert isolated_nodes(data).tolist() == sorted(least[: len(least) // 2])


@pytest.mark.parametrize("seed", [0, 7])
def test_the_test_nodes_are_the_same_for_all_seeds_and_have_no_edge(seed: int) -> None:
    data = toy(3)
    of, split = make_split(data, "isolation", seed)
    assert split.test.tolist() == isolated_nodes(data).tolist()
    assert of.graph.in_degrees()[split.test].sum() == 0
    touched = torch.zeros(400, dtype=torch.bool)
    touched[split.test] = True
    kept = data.graph.edge_index[:, ~touched[data.graph.edge_index].any(0)]
    assert torch.equal(of.graph.edge_index, kept)
    assert of.sha256 != data.sha256
    assert torch.equal(data.labels[split.train].bincount(), torch.tensor([20, 20]))


def test_classes_too_small_for_it_are_refused() -> None:
    crowded = toy(3).with_labels((torch.arange(400) < 30).long())
    with pytest.raises(UserError, match=r"'isolation' takes 50 nodes of every class .* class 1 of 'toy' has"):
        make_split(crowded, "isolation", 0)


def test_artefacts_of_it_are_no_ones_of_the_whole_graph() -> None:
    """All seeds share one graph, and with no other split."""
    ids = [
        observed_by(ProblemKey("cora", name, "transductive"), seed)
        for name in ("public", "isolation")
        for seed in (0, 1)
    ]
    assert ids[0] == ids[1] != ids[2] == ids[3]


@pytest.mark.usefixtures("mirror")
def test_cora_loses_the_edges_of_a_fifth() -> None:
    data = load_dataset("cora")
    degrees = data.graph.in_degrees()
    isolated = torch.from_numpy(isolated_nodes(data))
    assert degrees[isolated].bincount().tolist() == [0, 485, 49]  # as the released function on the same degrees
    key = ProblemKey("cora", "isolation", "transductive")
    problem, test = load_problem(key, 3), open_test_set(key, 3)
    assert problem.training.labelled.numel() == 140
    assert problem.validation.items.numel() == 210
    assert torch.equal(test.parts["all"].items, isolated)
    assert test.parts["all"].graph is problem.training.graph
