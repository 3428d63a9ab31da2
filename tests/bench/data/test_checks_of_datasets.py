"""Datasets that plug-ins and users bring pass the checks that the built-in ones pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from graph_distillery.bench.data import checks
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.edges import tidy
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.loading import load_dataset
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.data.splits import make_split
from graph_distillery.bench.errors import UserError
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix


def made(**changed: Any) -> Dataset:
    """A dataset as a plug-in may build it."""
    features = changed.pop("features", torch.rand(8, 2))
    edges = changed.pop("edges", torch.tensor([[0, 1, 2], [1, 2, 3]]))
    pointers = changed.pop("pointers", None)
    graph = Graph(features, edges, torch.tensor([0, 8]) if pointers is None else pointers)
    parts = {"task": "node-classification", "metric": "accuracy", "labels": torch.arange(8) % 2, "num_classes": 2}
    return Dataset.build("mine", graph=graph, **{**parts, **changed})


BAD_DATASETS = {
    "an edge beyond": ({"edges": torch.tensor([[0, 1], [1, 8]])}, "edge 1 joins nodes 1 and 8"),
    "a nan": ({"features": torch.tensor([[0.0, 1.0]] * 7 + [[0.0, float("nan")]])}, "node 7 has nan as feature 1"),
    "whole features": ({"features": torch.ones(8, 2, dtype=torch.long)}, "the features are int64, not real numbers"),
    "a label beyond": ({"labels": torch.tensor([0, 1, 0, 1, 0, 1, 0, 2])}, "item 7 has label 2; there are 2 classes"),
    "a label of -2": ({"labels": torch.tensor([0, 1, 0, 1, 0, 1, 0, -2])}, "item 7 has label -2"),
    "labels of some": ({"labels": torch.zeros(7)}, "the labels have shape [7], the task wants [8]"),
    "no labels": ({"labels": torch.full((8,), -1)}, "no item has a label"),
    "halves of labels": (
        {"task": "node-multilabel", "metric": "micro_f1", "labels": torch.full((8, 2), 0.5)}, "item 0 has 0.5"),
    "graphs that end early": ({"pointers": torch.tensor([0, 7])}, "the graphs end with node 7 of 8"),
    "an edge between graphs": ({
        "pointers": torch.tensor([0, 2, 8]), "task": "graph-classification", "labels": torch.tensor([0, 1])},
        "nodes 1 and 2, which are in graphs 0 and 1"),
    "an empty graph": ({"pointers": torch.tensor([0, 0, 8])}, "graph 0 has no node"),
    "an unlabelled part": ({
        "labels": torch.tensor([0, 1, -1, -1, 0, 1, 0, 1]),
        "fixed_splits": {"own": [(torch.tensor([0, 1]), torch.tensor([2, 3]), torch.tensor([4, 5]))]}},
        "split 'own': its validation part is empty"),
    "a part beyond": (
        {"fixed_splits": {"own": [(torch.tensor([0]), torch.tensor([1]), torch.tensor([9]))]}}, "holds node 9"),
    "two of three classes": ({"metric": "roc_auc", "num_classes": 3}, "ROC AUC judges labels 0 and 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_DATASETS)
def test_a_dataset_that_cannot_be_is_refused(case: str) -> None:
    changed, words = BAD_DATASETS[case]
    with pytest.raises(DataFault) as caught:
        checks.sound(made(**changed))
    assert words in str(caught.value)


def test_a_sparse_matrix_that_cannot_be_is_refused() -> None:
    good = SparseMatrix.from_torch(torch.eye(8, 2))
    columns = good.columns.clone()
    columns[0] = 2
    with pytest.raises(DataFault, match="column 2 of 2"):
        checks.sound(made(features=SparseMatrix(good.row_pointers, columns, good.values, good.shape)))
    values = good.values.clone()
    values[1] = float("inf")
    with pytest.raises(DataFault, match="node 1 has inf as feature 1"):
        checks.sound(made(features=SparseMatrix(good.row_pointers, good.columns, values, good.shape)))


def test_what_is_left_out_of_a_sound_dataset() -> None:
    labels = torch.tensor([0, 1, 0, 1, -1, 1, 0, -1, *[0, 1] * 16])
    edges = torch.tensor([[0, 0, 2, 1], [1, 1, 2, 0]])
    own = (torch.arange(0, 5), torch.arange(5, 8), torch.arange(8, 20))
    parts = {"features": torch.rand(40, 2), "edges": edges, "pointers": torch.tensor([0, 40]), "labels": labels}
    dataset = checks.sound(made(**parts, fixed_splits={"own": [own]}))
    assert dataset.graph.edge_index.tolist() == [[0, 1], [1, 0]]
    assert (dataset.self_loops, dataset.repeats) == (1, 1)
    assert [part.tolist() for part in dataset.fixed_splits["own"][0][:2]] == [[0, 1, 2, 3], [5, 6]]
    assert "2 items have no label (-1) and are in no part of any split" in checks.remarks(dataset)
    for name in ("random-60-20-20", "balanced-20-20"):
        for seed in range(20):
            _, split = make_split(dataset, name, seed)
            together = torch.cat([split.train, split.val, split.test])
            assert together.sort().values.tolist() == [item for item in range(40) if item not in (4, 7)]


def test_a_drawn_split_that_cannot_be_judged_is_refused() -> None:
    rare = torch.zeros(8)
    rare[3] = 1
    with pytest.raises(UserError, match="by which ROC AUC cannot judge"):
        make_split(checks.sound(made(labels=rare, metric="roc_auc")), "random-60-20-20", 0)


@pytest.mark.parametrize(("returned", "words"), [
    (lambda: {"x": 1}, "its loader returns a dict, not a Dataset"),
    (lambda: made(features=torch.full((8, 2), float("inf"))), "node 0 has inf as feature 0"),
    (lambda: 1 / 0, "its loader fails (ZeroDivisionError: division by zero)"),
])  # fmt: skip
def test_a_plugin_is_checked_as_all_are(returned, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DATASETS, "load", lambda _: lambda *_, **__: returned())
    with pytest.raises(UserError) as caught:
        load_dataset("karate")
    assert str(caught.value) == f"dataset 'karate': {words}"


def test_tidy_agrees_with_sets_of_pairs() -> None:
    rng = np.random.default_rng(3)
    for nodes in (1, 2, 7, 30):
        pairs = rng.integers(0, nodes, size=(2, 60))
        listed = [(int(a), int(b)) for a, b in pairs.T]
        arcs = {pair for pair in listed if pair[0] != pair[1]}
        loops = sum(a == b for a, b in listed)
        tidied = tidy(torch.from_numpy(pairs), nodes)
        assert [tuple(pair) for pair in tidied.edge_index.T.tolist()] == sorted(arcs)
        assert (tidied.self_loops, tidied.repeats) == (loops, len(listed) - loops - len(arcs))
        both = tidy(torch.from_numpy(pairs), nodes, undirected=True)
        assert [tuple(pair) for pair in both.edge_index.T.tolist()] == sorted(arcs | {(b, a) for a, b in arcs})
        assert (both.self_loops, both.repeats) == (tidied.self_loops, tidied.repeats)
