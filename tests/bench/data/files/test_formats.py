"""One graph, written in every format, is one content; and what each format says besides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix
from torch_geometric.data import Data
from torch_geometric.data.collate import collate

from graph_distillery.bench.data.files.reading import own_dataset, read_graph
from graph_distillery.bench.data.files.source import DataSource
from graph_distillery.bench.errors import UserError


def loaded(path: Path, **more: Any) -> Any:
    return own_dataset("mine", DataSource(file=str(path), name="mine", **more))


def test_every_format_is_one_content(arrays: dict[str, Any], data: Data, tables: Path, tmp_path: Path) -> None:
    """Features, tidied arcs, weights, attributes, labels and masks are the same to the bit."""
    torch.save(data, tmp_path / "data.pt")
    torch.save([data], tmp_path / "list.pt")
    torch.save((data.to_dict(), None, Data), tmp_path / "saved.pt")
    torch.save(data.to_dict(), tmp_path / "dict.pt")
    np.savez(tmp_path / "arrays.npz", **arrays)
    others = {"features": arrays["x"], "labels": arrays["y"][:, None], "edges": arrays["edge_index"].T}
    others |= {f"{mask}_masks": arrays[f"{mask}_mask"][None] for mask in ("train", "val", "test")}
    np.savez(tmp_path / "others.npz", **others, edge_weight=arrays["edge_weight"], edge_attr=arrays["edge_attr"])
    for name in ("edges", "nodes"):
        pd.read_csv(tables / f"{name}.csv").to_parquet(tmp_path / f"{name}.parquet")
    found = [
        loaded(tmp_path / name) for name in ("data.pt", "list.pt", "saved.pt", "dict.pt", "arrays.npz", "others.npz")
    ]
    found += [loaded(path, undirected=False) for path in (tables, tables / "edges.csv", tmp_path / "edges.parquet")]
    assert len({each.sha256 for each in found}) == 1
    assert len({tuple(map(tuple, (part.tolist() for part in each.fixed_splits["public"][0]))) for each in found}) == 1
    index = arrays["edge_index"]
    distinct = len({(s, t) for s, t in index.T.tolist() if s != t})
    loops = int((index[0] == index[1]).sum())
    one = found[0]
    assert one.graph.num_edges == distinct
    assert (one.self_loops, one.repeats) == (loops, 240 - loops - distinct)
    assert set(one.graph.edge_columns) == {"weight", "attributes"}


def test_weights_stand_at_their_arcs(arrays: dict[str, Any], tmp_path: Path) -> None:
    """Of repeated arcs the first counts; an arc that only its reverse lists has the reverse's weight."""
    np.savez(tmp_path / "g.npz", **arrays)
    first: dict[tuple[int, int], float] = {}
    for (source, target), weight in zip(arrays["edge_index"].T.tolist(), arrays["edge_weight"], strict=True):
        first.setdefault((source, target), float(weight))
    for undirected in (False, True):
        graph = read_graph(tmp_path / "g.npz", undirected=undirected).graph
        found = zip(graph.edge_index.T.tolist(), graph.edge_columns["weight"].tolist(), strict=True)
        for (source, target), weight in found:
            assert weight == first.get((source, target), first.get((target, source)))
        pairs = {tuple(pair) for pair in graph.edge_index.T.tolist()}
        assert not undirected or pairs == {(t, s) for s, t in pairs}


def test_a_saved_in_memory_dataset_is_its_graphs(tmp_path: Path) -> None:
    """As PyG saves one: the collated tensors, their slices and the class."""
    draw = torch.Generator().manual_seed(0)
    graphs = [
        Data(x=torch.rand(n, 3, generator=draw), edge_index=torch.tensor([[0, 1], [1, 2]]), y=torch.tensor([n % 2]))
        for n in (3, 5, 4, 3)
    ]
    joined, slices, _ = collate(Data, graphs, increment=False, add_batch=False)
    torch.save((joined.to_dict(), slices, Data), tmp_path / "saved.pt")
    torch.save(graphs, tmp_path / "list.pt")
    one, other = (loaded(tmp_path / name, task="graph-classification") for name in ("saved.pt", "list.pt"))
    assert one.sha256 == other.sha256
    assert one.graph.graph_pointers.tolist() == [0, 3, 8, 12, 15]
    assert one.graph.edge_index.T.tolist() == [[0, 1], [1, 2], [3, 4], [4, 5], [8, 9], [9, 10], [12, 13], [13, 14]]
    assert one.labels.tolist() == [1, 1, 0, 1]


def test_a_table_without_labels_can_be_predicted_on(tables: Path) -> None:
    nodes = pd.read_csv(tables / "nodes.csv").drop(columns=["label", "split"])
    nodes.to_csv(tables / "nodes.csv", index=False)
    found = read_graph(tables)
    assert found.labels is None
    assert found.node_names[:2] == ("n0", "n1")
    assert found.undirected
    with pytest.raises(UserError, match=r"nodes\.csv: there are no labels"):
        loaded(tables)


def test_unlabelled_nodes_are_minus_one(tables: Path, tmp_path: Path, data: Data) -> None:
    """An empty cell of a table, -1 elsewhere; they are in no part of any split."""
    nodes = pd.read_csv(tables / "nodes.csv")
    nodes.loc[[0, 7], "label"] = None
    nodes.to_csv(tables / "nodes.csv", index=False)
    data.y[[0, 7]] = -1
    torch.save(data, tmp_path / "data.pt")
    one, other = loaded(tables, undirected=False), loaded(tmp_path / "data.pt")
    assert one.sha256 == other.sha256
    assert (one.labels < 0).nonzero().flatten().tolist() == [0, 7]
    assert not {0, 7} & {item for part in one.fixed_splits["public"][0] for item in part.tolist()}


def test_own_splits_come_from_a_file_beside(arrays: dict[str, Any], tables: Path, tmp_path: Path) -> None:
    """Two columns of a table are two splits; an archive holds items or masks."""
    bare = {name: value for name, value in arrays.items() if not name.endswith("mask")}
    np.savez(tmp_path / "g.npz", **bare)
    words = np.array(["train", "val", "test"])[np.arange(60) % 3]
    pd.DataFrame({"id": np.arange(60), "one": words, "two": words[::-1]}).to_csv(tmp_path / "s.csv", index=False)
    np.savez(tmp_path / "s.npz", **{part: np.flatnonzero(words == part) for part in ("train", "val", "test")})
    by_table = loaded(tmp_path / "g.npz", splits=str(tmp_path / "s.csv")).fixed_splits["public"]
    by_items = loaded(tmp_path / "g.npz", splits=str(tmp_path / "s.npz")).fixed_splits["public"]
    assert [part.tolist() for part in by_table[0]] == [part.tolist() for part in by_items[0]]
    assert [part.tolist() for part in by_table[1]] == [
        np.flatnonzero(words[::-1] == p).tolist() for p in ("train", "val", "test")
    ]


def test_matrices_in_compressed_rows_are_arcs_features_and_weights(tmp_path: Path) -> None:
    """As Shchur et al. ship their sets; entries that are all 1 are no weights, and explicit parts are scipy's own."""
    generator = np.random.default_rng(3)
    features = csr_matrix(generator.integers(0, 3, (9, 4)).astype(np.float32))
    for values, names in ((np.ones(12), set()), (generator.random(12) + 0.5, {"weight"})):
        places = generator.choice([i for i in range(81) if i // 9 != i % 9], 12, replace=False)
        matrix = csr_matrix((values, (places // 9, places % 9)), shape=(9, 9))
        parts = {
            f"{prefix}_{part}": getattr(of, part)
            for prefix, of in (("adj", matrix), ("attr", features))
            for part in ("data", "indices", "indptr", "shape")
        }
        np.savez(tmp_path / "g.npz", **parts, labels=np.arange(9) % 2)
        graph = read_graph(tmp_path / "g.npz").graph
        assert torch.equal(graph.dense_features(), torch.from_numpy(features.toarray()))
        assert set(graph.edge_columns) == names
        source, target = graph.edge_index
        dense = np.zeros((9, 9), np.float32)
        dense[source, target] = graph.edge_columns.get("weight", torch.ones(12))
        np.testing.assert_allclose(dense, matrix.toarray(), rtol=1e-6)
