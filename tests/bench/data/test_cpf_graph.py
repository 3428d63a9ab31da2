"""The `cpf` split of Planetoid's cora and citeseer is made on the graph that CPF and GLNN used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.splits import make_split


@pytest.mark.parametrize(("name", "nodes", "edges"), [("cora", 2485, 5069), ("citeseer", 2110, 3668)])
def test_cpf_graph_is_that_of_the_papers(
    name: str, nodes: int, edges: int, load: Callable[[str], Dataset], mirror: Path
) -> None:
    """Colour refinement from the feature rows matches the nodes; edges, features and labels then agree exactly."""
    file = mirror / "_extra/cpf_npz" / f"{name}.npz"
    if not file.is_file():
        pytest.skip(f"the mirror lacks {file.name} of Shchur et al.")
    theirs, theirs_x, theirs_y = read_npz(file)
    dataset, split = make_split(load(name), "cpf", 0)
    graph = dataset.graph
    assert (graph.num_nodes, graph.num_edges) == (nodes, 2 * edges)
    assert (len(split.train), len(split.val)) == (20 * dataset.num_classes, 30 * dataset.num_classes)
    assert len(split.train) + len(split.val) + len(split.test) == nodes
    source, target = graph.edge_index.numpy()
    mine = sp.coo_matrix((np.ones(len(source), int), (source, target)), (nodes, nodes)).tocsr()
    mine_x = sp.csr_matrix(graph.dense_features().numpy())

    order, theirs_order = colours(mine, mine_x), colours(theirs, theirs_x)
    assert abs(mine[order][:, order] - theirs[theirs_order][:, theirs_order]).nnz == 0
    assert abs(mine_x[order] - theirs_x[theirs_order]).nnz == 0
    pairs = Counter(zip(dataset.labels.numpy()[order].tolist(), theirs_y[theirs_order].tolist(), strict=True))
    assert len(pairs) == dataset.num_classes, "labels agree up to their numbering"


def read_npz(file: Path) -> tuple[sp.csr_matrix, sp.csr_matrix, np.ndarray]:
    with np.load(file) as raw:
        shape = tuple(raw["adj_shape"])
        adjacency = sp.csr_matrix((raw["adj_data"], raw["adj_indices"], raw["adj_indptr"]), shape).tolil()
        parts = (raw["attr_data"], raw["attr_indices"], raw["attr_indptr"])
        features = sp.csr_matrix(parts, tuple(raw["attr_shape"]))
        labels = raw["labels"]
    adjacency.setdiag(0)
    adjacency = ((adjacency + adjacency.T).tocsr() > 0).astype(int)
    _, component = connected_components(adjacency, directed=False)
    kept = np.flatnonzero(component == np.bincount(component).argmax())
    return adjacency[kept][:, kept], features[kept], labels[kept]


def colours(adjacency: sp.csr_matrix, features: sp.csr_matrix) -> np.ndarray:
    """Nodes in the order of their refined colours; nodes of one colour are interchangeable here."""
    features = features.tocsr()
    features.sort_indices()
    rows = np.split(features.indices.astype(np.int64), features.indptr[1:-1])
    colour = [hash(row.tobytes()) for row in rows]
    neighbours = np.split(adjacency.indices, adjacency.indptr[1:-1])
    for _ in range(6):
        colour = [hash((colour[i], tuple(sorted(colour[j] for j in near)))) for i, near in enumerate(neighbours)]
    return np.argsort(colour, kind="stable")


def test_citeseer_nodes_without_a_description_are_left_out(load: Callable[[str], Dataset]) -> None:
    dataset = load("citeseer")
    bare = (dataset.graph.dense_features() != 0).sum(dim=1) == 0
    assert dataset.unlabelled.tolist() == bare.nonzero().flatten().tolist()
    assert len(dataset.unlabelled) == 15
