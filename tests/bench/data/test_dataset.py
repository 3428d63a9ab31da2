"""Content hashes: the same for the same content, another for any change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from graph_distillery.bench.data import cache
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loaders.embedded.loader import karate
from graph_distillery.bench.data.loaders.generated.blocks import csbm
from graph_distillery.bench.data.loaders.generated.unions import motifs, multi_sbm
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix

REPOSITORY = Path(__file__).resolve().parents[3]
MODEL = csbm(nodes=60, classes=3, degree=4.0)


def rebuilt(graph: Graph, labels: torch.Tensor = MODEL.labels) -> Dataset:
    return Dataset.build("csbm", "node-classification", "accuracy", graph, labels, 3)


def test_storage_does_not_matter() -> None:
    features = MODEL.graph.dense_features()
    edges = MODEL.graph.edge_index
    shuffled = edges[:, torch.randperm(edges.shape[1], generator=torch.Generator().manual_seed(1))]
    stored_zero = SparseMatrix.from_torch(features)
    stored_zero = SparseMatrix(
        torch.cat([stored_zero.row_pointers[:-1], stored_zero.row_pointers[-1:]]),
        stored_zero.columns, stored_zero.values.double(), stored_zero.shape,
    )  # fmt: skip
    for other in (
        Graph(SparseMatrix.from_torch(features), edges, MODEL.graph.graph_pointers),
        Graph(stored_zero, edges, MODEL.graph.graph_pointers),
        Graph(features, shuffled, MODEL.graph.graph_pointers),
        Graph(features, edges.int(), MODEL.graph.graph_pointers.int()),
    ):
        again = rebuilt(other, MODEL.labels.int())
        assert (again.sha256, again.node_order_sha256) == (MODEL.sha256, MODEL.node_order_sha256)
    assert len(MODEL.sha256) == len(MODEL.node_order_sha256) == 64


def test_explicit_zeros_do_not_matter() -> None:
    dense = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    edges = torch.tensor([[0, 1], [1, 0]])
    pointers = torch.tensor([0, 2])
    stored = SparseMatrix(torch.tensor([0, 2, 4]), torch.tensor([0, 1, 0, 1]), dense.flatten(), (2, 2))
    labels = torch.tensor([0, 1])
    assert (
        rebuilt(Graph(stored, edges, pointers), labels).sha256 == rebuilt(Graph(dense, edges, pointers), labels).sha256
    )


def test_every_change_matters() -> None:
    graph = MODEL.graph
    features = graph.dense_features().clone()
    features[3, 4] += 1
    labels = MODEL.labels.clone()
    labels[0] = (labels[0] + 1) % 3
    order = torch.arange(59, -1, -1)
    changed = [
        rebuilt(Graph(features, graph.edge_index, graph.graph_pointers)),
        rebuilt(Graph(graph.features, graph.edge_index[:, 1:], graph.graph_pointers)),
        rebuilt(Graph(graph.features, graph.edge_index, torch.tensor([0, 30, 60]))),
        MODEL.with_labels(labels),
        rebuilt(graph.induced_subgraph(order), MODEL.labels[order]),
    ]
    assert len({MODEL.sha256, *(other.sha256 for other in changed)}) == 6
    assert changed[-1].node_order_sha256 != MODEL.node_order_sha256


def test_labels_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        MODEL.with_labels(MODEL.labels[1:])


@pytest.mark.parametrize("make", [csbm, karate, motifs, lambda: multi_sbm(graphs=3, nodes=60, degree=4.0)])
def test_the_cache_gives_back_what_it_got(make, tmp_path: Path) -> None:
    dataset = make()
    cache.write(tmp_path / "x.safetensors", dataset)
    back = cache.read(tmp_path / "x.safetensors")
    assert back is not None
    again = Dataset.build(back.name, back.task, back.metric, back.graph, back.labels, back.num_classes)
    assert again.sha256 == back.sha256 == dataset.sha256
    assert again.node_order_sha256 == dataset.node_order_sha256
    assert type(back.graph.features) is type(dataset.graph.features)
    assert list(back.fixed_splits) == list(dataset.fixed_splits)
    for name, choices in dataset.fixed_splits.items():
        for one, other in zip(choices, back.fixed_splits[name], strict=True):
            assert all(torch.equal(mine, theirs) for mine, theirs in zip(one, other, strict=True))


def test_listing_loads_neither_torch_nor_numpy() -> None:
    program = (
        "import sys; from graph_distillery.bench.data.registry import DATASETS; "
        "print(len(DATASETS.names), "
        "[m for m in ('torch', 'torch_geometric', 'numpy', 'sklearn', 'ray') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    count, _, loaded = done.stdout.strip().partition(" ")
    assert int(count) > 35
    assert loaded == "[]"
