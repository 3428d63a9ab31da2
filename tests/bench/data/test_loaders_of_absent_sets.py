"""Loaders whose real data no machine here has: real code on small files of the same format."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from graph_distillery.bench.data.loaders.tu.degree_features import binary_digits, one_hot
from graph_distillery.bench.data.loaders.tu.loader import read_gin_text
from graph_distillery.bench.data.loading import load_dataset
from graph_distillery.bench.data.splits import make_split
from graph_distillery.bench.errors import UserError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: None) -> Path:
    monkeypatch.setenv("DISTILLERY_MIRROR", str(tmp_path / "mirror"))
    (tmp_path / "mirror").mkdir()
    return tmp_path / "mirror"


def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_ppi(place: Path, tmp_path: Path) -> None:
    raw = place / "PPI/raw"
    raw.mkdir(parents=True)
    edges_of, sizes = {}, {"train": [5, 4, 6], "valid": [4], "test": [3]}
    first = 0
    for part, counts in sizes.items():
        nodes = sum(counts)
        ids = np.repeat(np.arange(len(counts)) + 1, counts)
        starts = np.cumsum([0, *counts])
        # A ring through the nodes of each graph, written once per edge, and one self-loop.
        links = [
            (int(start + i), int(start + (i + 1) % count))
            for start, count in zip(starts, counts, strict=False)
            for i in range(count)
        ]
        both = links + [(b, a) for a, b in links]
        body = {
            "directed": True, "multigraph": False, "graph": {}, "nodes": [{"id": i} for i in range(nodes)],
            "links": [{"source": a, "target": b} for a, b in [*both, (0, 0)]],
        }  # fmt: skip
        (raw / f"{part}_graph.json").write_text(json.dumps(body))
        np.save(raw / f"{part}_graph_id.npy", ids)
        np.save(raw / f"{part}_feats.npy", random().normal(size=(nodes, 7)))
        np.save(raw / f"{part}_labels.npy", random().integers(0, 2, size=(nodes, 5)))
        edges_of[part] = {(a + first, b + first) for a, b in both}
        first += nodes
    dataset = load_dataset("ppi", tmp_path / "data")
    assert dataset.graph.num_graphs == 5
    assert dataset.graph.graph_pointers.tolist() == [0, 5, 9, 15, 19, 22]
    assert set(map(tuple, dataset.graph.edge_index.T.tolist())) == set().union(*edges_of.values())
    assert dataset.labels.shape == (22, 5)
    assert dataset.labels.dtype == torch.float32
    _, split = make_split(dataset, "graphs", 0)
    assert (split.train.tolist(), split.val.tolist()) == (list(range(15)), list(range(15, 19)))
    features = np.load(raw / "test_feats.npy").astype(np.float32)
    assert np.array_equal(dataset.graph.dense_features()[split.test].numpy(), features)
    (raw / "valid_feats.npy").write_bytes((raw / "valid_feats.npy").read_bytes()[:-20])
    with pytest.raises(UserError, match=r"valid_feats\.npy"):
        load_dataset("ppi", tmp_path / "other")


def test_ogbn_arxiv(place: Path, tmp_path: Path) -> None:
    def write(file: str, table: np.ndarray) -> None:
        path = place / "ogbn_arxiv" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [",".join(map(str, np.atleast_1d(row))) for row in table.tolist()]
        path.write_bytes(gzip.compress("".join(f"{row}\n" for row in rows).encode()))

    features = random().normal(size=(9, 4)).astype(np.float32)
    write("raw/edge.csv.gz", np.array([[0, 1], [1, 0], [2, 3], [4, 4], [8, 5]]))
    write("raw/node-feat.csv.gz", features)
    write("raw/node-label.csv.gz", np.array([[0], [1], [2], [0], [1], [2], [0], [1], [2]]))
    for part, nodes in (("train", [8, 0, 1]), ("valid", [2, 3]), ("test", [4, 5, 6, 7])):
        write(f"split/time/{part}.csv.gz", np.array(nodes))
    dataset = load_dataset("ogbn-arxiv", tmp_path / "data")
    assert dataset.graph.edge_index.T.tolist() == [[0, 1], [1, 0], [2, 3], [3, 2], [5, 8], [8, 5]]
    assert torch.equal(dataset.graph.dense_features(), torch.from_numpy(features))
    _, split = make_split(dataset, "ogb", 4)
    assert (split.train.tolist(), split.test.tolist()) == ([0, 1, 8], [4, 5, 6, 7])
    path = place / "ogbn_arxiv/raw/edge.csv.gz"
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(UserError, match=r"edge\.csv\.gz"):
        load_dataset("ogbn-arxiv", tmp_path / "other")


@pytest.mark.parametrize(("name", "metric"), [("tolokers", "roc_auc"), ("roman-empire", "accuracy")])
def test_heterophilous_sets(name: str, metric: str, place: Path, tmp_path: Path) -> None:
    file = name.replace("-", "_")
    raw = place / "HeterophilousGraphDataset" / file / "raw"
    raw.mkdir(parents=True)
    masks = np.stack([np.roll(np.arange(12) % 4, shift) for shift in range(10)])
    np.savez(
        raw / f"{file}.npz",
        node_features=random().normal(size=(12, 3)).astype(np.float32),
        node_labels=np.arange(12) // 4 % 2,
        edges=np.array([[0, 1], [1, 2], [5, 6]]),
        train_masks=masks < 2,
        val_masks=masks == 2,
        test_masks=masks == 3,
    )
    dataset = load_dataset(name, tmp_path / "data")
    assert dataset.metric == metric
    assert dataset.graph.num_edges == 6
    for seed, number in ((0, 0), (9, 9), (10, 9), (19, 0), (100, 9), (102, 7)):
        _, split = make_split(dataset, "public", seed)
        assert split.val.tolist() == np.flatnonzero(masks[number] == 2).tolist()


def test_citationfull(place: Path, tmp_path: Path) -> None:
    raw = place / "CitationFull/dblp/raw"
    raw.mkdir(parents=True)
    adjacency = sp.csr_matrix(([1.0, 1.0, 1.0], ([0, 1, 3], [1, 2, 3])), (5, 5))
    features = sp.csr_matrix(np.array([[2.0, 0], [0, 1], [1, 1], [0, 0], [1, 0]]))
    np.savez(
        raw / "dblp.npz", labels=np.array([0, 1, 2, 3, 0]),
        adj_data=adjacency.data, adj_indices=adjacency.indices, adj_indptr=adjacency.indptr, adj_shape=(5, 5),
        attr_data=features.data, attr_indices=features.indices, attr_indptr=features.indptr, attr_shape=(5, 2),
    )  # fmt: skip
    dataset = load_dataset("citationfull-dblp", tmp_path / "data")
    assert dataset.graph.edge_index.T.tolist() == [[0, 1], [1, 0], [1, 2], [2, 1]]
    assert dataset.graph.dense_features().tolist() == [[1, 0], [0, 1], [1, 1], [0, 0], [1, 0]], "as 0 and 1"


GIN = b"2\n3 1\n0 1 1\n0 2 0 2\n0 1 1\n2 0\n0 1 1\n0 1 0\n"


def test_gin_text() -> None:
    edges, pointers, labels = read_gin_text(GIN)
    assert edges.T.tolist() == [[0, 1], [1, 0], [1, 2], [2, 1], [3, 4], [4, 3]]
    assert (pointers.tolist(), labels.tolist()) == ([0, 3, 5], [1, 0])


@pytest.mark.parametrize("body", [b"", GIN[:-3], GIN + b"1\n", GIN.replace(b"0 1 1\n2 0", b"0 1 7\n2 0"), b"x\n"])
def test_malformed_gin_text_is_refused(body: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        read_gin_text(body)


def test_degree_features() -> None:
    degrees = torch.tensor([0, 1, 2, 3, 4, 7, 8, 3062])
    assert binary_digits(degrees).tolist() == [int(degree).bit_length() for degree in degrees]
    assert one_hot(torch.tensor([2, 0])).to_dense().tolist() == [[0, 0, 1], [1, 0, 0]]
