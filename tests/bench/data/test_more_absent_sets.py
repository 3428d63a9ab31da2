"""Loaders of sets that people expect, on small files of the published layout, and what they say of wrong ones."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
import torch

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loaders.ogb.molecules import ATOM, atom_features
from graph_distillery.bench.data.loaders.social.airports import airports
from graph_distillery.bench.data.loading import load_dataset
from graph_distillery.bench.data.raw_files import RawFiles
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.data.splits import make_split
from graph_distillery.bench.errors import UserError
from graph_distillery.methods.contract.sparse import SparseMatrix

FEATURES = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
RING = np.stack([np.arange(12), (np.arange(12) + 1) % 12])
BOTH = sorted({(int(a), int(b)) for a, b in RING.T} | {(int(b), int(a)) for a, b in RING.T})


@pytest.fixture
def mirror_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: None) -> Path:
    monkeypatch.setenv("DISTILLERY_MIRROR", str(tmp_path / "mirror"))
    (tmp_path / "mirror").mkdir()
    return tmp_path / "mirror"


def arcs(dataset: Dataset) -> list[tuple[int, int]]:
    return sorted(map(tuple, dataset.graph.edge_index.T.tolist()))


def refusal(name: str, root: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_dataset(name, root)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def users(place: Path) -> Path:
    path = place / "Twitch/DE/raw/DE.npz"
    path.parent.mkdir(parents=True)
    loops = np.concatenate([RING.T, np.stack([np.arange(12)] * 2, 1)])
    np.savez(path, edges=loops, features=FEATURES, target=np.arange(12) % 2)
    return path


def test_users_are_linked_both_ways_and_not_to_themselves(mirror_of: Path, tmp_path: Path) -> None:
    users(mirror_of)
    dataset = load_dataset("twitch-de", tmp_path / "data")
    assert arcs(dataset) == BOTH
    assert (dataset.self_loops, dataset.labels.tolist()) == (12, [0, 1] * 6)
    assert torch.equal(dataset.graph.dense_features(), torch.from_numpy(FEATURES))


def saint(place: Path, family: str, classes: list[Any]) -> Path:
    folder = place / family / "raw"
    folder.mkdir(parents=True)
    matrix = sp.csr_matrix((np.ones(24), np.array(BOTH).T), (12, 12))
    np.savez(folder / "adj_full.npz", data=matrix.data, indices=matrix.indices, indptr=matrix.indptr, shape=(12, 12))
    np.save(folder / "feats.npy", FEATURES.astype(np.float64))
    (folder / "class_map.json").write_text(json.dumps({str(node): told for node, told in enumerate(classes)}))
    (folder / "role.json").write_text(json.dumps({"tr": [5, 1, 0, 2, 3, 4], "va": [6, 7, 8], "te": [11, 10, 9]}))
    return folder


def test_graphsaints_files(mirror_of: Path, tmp_path: Path) -> None:
    saint(mirror_of, "Flickr", [node % 3 for node in range(12)])
    dataset = load_dataset("flickr", tmp_path / "data")
    assert (arcs(dataset), dataset.num_classes) == (BOTH, 3)
    _, split = make_split(dataset, "public", 7)
    assert [split.train.tolist(), split.val.tolist(), split.test.tolist()] == [
        [0, 1, 2, 3, 4, 5],
        [6, 7, 8],
        [9, 10, 11],
    ]
    several = [[int(node % 2 == 0), int(node > 5), 1] for node in range(12)]
    saint(mirror_of, "Yelp", several)
    yelp = load_dataset("yelp", tmp_path / "data")
    assert (yelp.task, yelp.labels.tolist()) == ("node-multilabel", several)


def reddit(place: Path) -> Path:
    folder = place / "Reddit/raw"
    folder.mkdir(parents=True)
    kinds = np.array([1] * 6 + [2] * 3 + [3] * 3)
    np.savez(folder / "reddit_data.npz", feature=FEATURES, label=np.arange(12) % 4, node_types=kinds)
    sp.save_npz(folder / "reddit_graph.npz", sp.coo_matrix((np.ones(24), np.array(BOTH).T), (12, 12)))
    return folder


def test_reddit(mirror_of: Path, tmp_path: Path) -> None:
    reddit(mirror_of)
    dataset = load_dataset("reddit", tmp_path / "data")
    assert (arcs(dataset), dataset.num_classes) == (BOTH, 4)
    assert [len(part) for part in dataset.fixed_splits["public"][0]] == [6, 3, 3]


def penn(place: Path) -> Path:
    folder = place / "LINKXDataset/penn94/raw"
    folder.mkdir(parents=True)
    table = np.stack([np.arange(12) % 2 + 1, np.arange(12) % 3, np.array([0, 5, 9] * 4)], 1)
    matrix = sp.csc_matrix((np.ones(24), np.array(BOTH).T), (12, 12))
    scipy.io.savemat(folder / "data.mat", {"A": matrix, "local_info": table})
    one = {"train": [1, 2, 4], "valid": [5, 7], "test": [8, 10, 11]}
    other = {"train": np.array([8, 10]), "valid": np.array([1]), "test": np.array([2, 4, 5])}
    np.save(folder / "fb100-Penn94-splits.npy", np.array([one, other], dtype=object), allow_pickle=True)
    return folder


def test_friends_of_a_university(mirror_of: Path, tmp_path: Path) -> None:
    """Gender is told, 0 of it is unknown; what else is known of a user is one-hot, field by field."""
    penn(mirror_of)
    dataset = load_dataset("penn94", tmp_path / "data")
    assert arcs(dataset) == BOTH
    assert dataset.labels.tolist() == [-1, 0, 1] * 4
    rows = dataset.graph.dense_features()
    assert rows.shape == (12, 5)
    assert rows[1].tolist() == [0, 1, 0, 1, 0]
    assert [part.tolist() for part in dataset.fixed_splits["public"][1]] == [[8, 10], [1], [2, 4, 5]]


def test_genius(mirror_of: Path, tmp_path: Path) -> None:
    folder = mirror_of / "LINKXDataset/genius/raw"
    folder.mkdir(parents=True)
    told = {"edge_index": RING, "node_feat": FEATURES, "label": np.arange(12)[None] % 2}
    scipy.io.savemat(folder / "data.mat", told)
    dataset = load_dataset("genius", tmp_path / "data")
    assert (dataset.metric, arcs(dataset), dataset.labels.tolist()) == ("roc_auc", BOTH, [0, 1] * 6)


def wiki(place: Path) -> Path:
    path = place / "WikiCS/raw/data.json"
    path.parent.mkdir(parents=True)
    place_of = np.arange(12) % 4
    told = {"features": FEATURES.tolist(), "labels": (np.arange(12) % 3).tolist()}
    told["links"] = [[(node + 1) % 12, node] for node in range(12)]
    told["train_masks"] = [(place_of == 0).tolist(), (place_of == 1).tolist()]
    told["val_masks"] = [(place_of == 2).tolist()] * 2
    told["stopping_masks"] = [(place_of == 1).tolist(), (place_of == 0).tolist()]
    told["test_mask"] = (place_of == 3).tolist()
    path.write_text(json.dumps(told))
    return path


def test_wiki_cs(mirror_of: Path, tmp_path: Path) -> None:
    wiki(mirror_of)
    dataset = load_dataset("wikics", tmp_path / "data")
    assert (arcs(dataset), dataset.self_loops) == (BOTH, 12)
    found = [[part.tolist() for part in parts] for parts in dataset.fixed_splits["public"]]
    assert found == [[[0, 4, 8], [2, 6, 10], [3, 7, 11]], [[1, 5, 9], [2, 6, 10], [3, 7, 11]]]


def flights(place: Path) -> Path:
    folder = place / "Airports/brazil/raw"
    folder.mkdir(parents=True)
    (folder / "labels-brazil-airports.txt").write_text("node label\n30 0\n7 1\n12 0\n")
    (folder / "brazil-airports.edgelist").write_text("30 7\n7 7\n12 30\n30 12\n")
    return folder


def test_airports_are_numbered_as_their_labels(mirror_of: Path, tmp_path: Path) -> None:
    folder = flights(mirror_of)
    made = airports("airports-brazil", RawFiles("airports-brazil", tmp_path / "data", mirror_of), "brazil")
    assert arcs(made) == [(0, 1), (0, 2), (1, 0), (2, 0)]
    assert (made.labels.tolist(), made.self_loops) == ([0, 1, 0], 1)
    assert "it gives 3 nodes, the published data have 131" in refusal("airports-brazil", tmp_path / "other")
    (folder / "brazil-airports.edgelist").write_text("30 7\n8 7\n")
    assert "it names airport 8, which has no line in labels-brazil-airports.txt" in refusal(
        "airports-brazil", tmp_path / "data"
    )


def write(path: Path, table: Any, head: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [",".join(map(str, np.atleast_1d(row))) for row in np.asarray(table).tolist()]
    path.write_bytes(gzip.compress((head + "".join(f"{row}\n" for row in rows)).encode()))


def products(place: Path) -> Path:
    folder = place / "ogbn_products"
    write(folder / "raw/edge.csv.gz", RING.T)
    write(folder / "raw/node-feat.csv.gz", FEATURES)
    write(folder / "raw/node-label.csv.gz", np.arange(12)[:, None] % 3)
    for part, nodes in (("train", [4, 0, 1]), ("valid", [2, 3]), ("test", range(5, 12))):
        write(folder / f"split/sales_ranking/{part}.csv.gz", list(nodes))
    return folder


def test_ogbn_products(mirror_of: Path, tmp_path: Path) -> None:
    products(mirror_of)
    dataset = load_dataset("ogbn-products", tmp_path / "data")
    assert arcs(dataset) == BOTH
    assert torch.equal(dataset.graph.dense_features(), torch.from_numpy(FEATURES))
    assert make_split(dataset, "ogb", 3)[1].train.tolist() == [0, 1, 4]


def mag(place: Path) -> Path:
    folder = place / "ogbn_mag"
    counts = {"author": 3, "field_of_study": 2, "institution": 1, "paper": 4}
    write(folder / "raw/num-node-dict.csv.gz", [list(counts.values())], ",".join(counts) + "\n")
    write(folder / "raw/node-feat/paper/node-feat.csv.gz", FEATURES[:4])
    write(folder / "raw/node-label/paper/node-label.csv.gz", [[0], [1], [1], [0]])
    for name, links in {
        "author___affiliated_with___institution": [[0, 0], [2, 0]],
        "author___writes___paper": [[0, 0], [1, 1], [2, 3]],
        "paper___cites___paper": [[0, 1], [3, 2]],
        "paper___has_topic___field_of_study": [[1, 1], [2, 0]],
    }.items():
        write(folder / f"raw/relations/{name}/edge.csv.gz", links)
    for part, nodes in (("train", [0, 1]), ("valid", [2]), ("test", [3])):
        write(folder / f"split/time/paper/{part}.csv.gz", nodes)
    return folder


def test_ogbn_mag(mirror_of: Path, tmp_path: Path) -> None:
    """Papers 0 to 3, authors 4 to 6, the institution 7, fields 8 and 9; every relation runs both ways."""
    mag(mirror_of)
    dataset = load_dataset("ogbn-mag", tmp_path / "data")
    graph = dataset.graph
    assert graph.node_columns["type"].tolist() == [0] * 4 + [1] * 3 + [2] + [3] * 2
    named: dict[str, set[tuple[int, ...]]] = {}
    for arc, kind in zip(graph.edge_index.T.tolist(), graph.edge_type.tolist(), strict=True):
        named.setdefault(graph.types.edges[kind], set()).add(tuple(arc))
    assert named["author-writes-paper"] == {(4, 0), (5, 1), (6, 3)}
    assert named["paper-rev_writes-author"] == {(0, 4), (1, 5), (3, 6)}
    assert named["paper-cites-paper"] == {(0, 1), (3, 2)}
    assert named["field_of_study-rev_has_topic-paper"] == {(9, 1), (8, 2)}
    assert (graph.num_features, graph.num_edges) == (3 + 3 + 1 + 2, 18)
    assert torch.equal(graph.dense_features()[:4, :3], torch.from_numpy(FEATURES[:4]))
    assert graph.dense_features()[4:, 3:].tolist() == torch.eye(6).tolist()
    assert [part.tolist() for part in dataset.fixed_splits["ogb"][0]] == [[0, 1], [2], [3]]


def molecules(place: Path) -> Path:
    folder = place / "ogbg_molhiv"
    sizes, bonds = [3, 2] * 6, [[0, 1], [1, 2], [0, 1]] * 6
    atoms = np.zeros((30, 9), int)
    atoms[1] = [118, 4, 11, 11, 9, 5, 5, 1, 1]
    write(folder / "raw/edge.csv.gz", bonds)
    write(folder / "raw/node-feat.csv.gz", atoms)
    write(folder / "raw/graph-label.csv.gz", np.arange(12)[:, None] % 2)
    write(folder / "raw/num-node-list.csv.gz", np.array(sizes)[:, None])
    write(folder / "raw/num-edge-list.csv.gz", np.array([[2], [1]] * 6))
    for part, graphs in (("train", range(6)), ("valid", [6, 7]), ("test", range(8, 12))):
        write(folder / f"split/scaffold/{part}.csv.gz", list(graphs))
    return folder


def test_ogbg_molhiv(mirror_of: Path, tmp_path: Path) -> None:
    molecules(mirror_of)
    dataset = load_dataset("ogbg-molhiv", tmp_path / "data")
    assert dataset.graph.graph_pointers.tolist() == [0, *np.cumsum([3, 2] * 6)]
    assert arcs(dataset)[:8] == [(0, 1), (1, 0), (1, 2), (2, 1), (3, 4), (4, 3), (5, 6), (6, 5)]
    assert isinstance(dataset.graph.features, SparseMatrix)
    last = (np.cumsum(ATOM) - 1).tolist()
    assert dataset.graph.features.to_dense()[1].nonzero().flatten().tolist() == last
    assert (dataset.graph.num_features, make_split(dataset, "ogb", 0)[1].val.tolist()) == (174, [6, 7])


def test_an_atom_of_no_such_property_is_named() -> None:
    with pytest.raises(ValueError, match="atom 1 has 5 as property 1"):
        atom_features(np.array([[0] * 9, [0, 5, *[0] * 7]]))


class Stranger:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return (os.mkdir, (str(self.folder),))


def test_splits_in_a_pickle_run_nothing(mirror_of: Path, tmp_path: Path) -> None:
    path = penn(mirror_of) / "fb100-Penn94-splits.npy"
    body = path.read_bytes()
    path.write_bytes(body[: body.index(b"\n") + 1] + pickle.dumps(Stranger(tmp_path / "made")))
    assert "it holds a posix.mkdir" in refusal("penn94", tmp_path / "data")
    assert not (tmp_path / "made").exists()


#: What makes the files of a set; the set; and for each of its files how they are torn.
TORN = [
    (users, "twitch-de", [""]),
    (lambda place: saint(place, "Flickr", [0, 1, 2] * 4), "flickr", ["adj_full.npz", "feats.npy", "class_map.json"]),
    (lambda place: saint(place, "Flickr", [0, 1, 2] * 4), "flickr", ["role.json"]),
    (reddit, "reddit", ["reddit_data.npz", "reddit_graph.npz"]),
    (penn, "penn94", ["data.mat", "fb100-Penn94-splits.npy"]),
    (wiki, "wikics", [""]),
    (flights, "airports-brazil", ["brazil-airports.edgelist", "labels-brazil-airports.txt"]),
    (products, "ogbn-products", ["raw/edge.csv.gz", "raw/node-label.csv.gz", "split/sales_ranking/valid.csv.gz"]),
    (mag, "ogbn-mag", ["raw/num-node-dict.csv.gz", "raw/relations/paper___cites___paper/edge.csv.gz"]),
    (molecules, "ogbg-molhiv", ["raw/node-feat.csv.gz", "raw/num-edge-list.csv.gz"]),
]


@pytest.mark.parametrize(("make", "name", "files"), TORN)
def test_torn_and_missing_files_are_named(
    make: Callable[[Path], Path], name: str, files: list[str], mirror_of: Path, tmp_path: Path
) -> None:
    folder = make(mirror_of)
    for number, file in enumerate(files):
        path = folder / file if file else folder
        whole = path.read_bytes()
        for cut, kept in enumerate((whole[: len(whole) // 2], whole[:-7], b"")):
            path.write_bytes(kept)
            assert path.name in refusal(name, tmp_path / f"data-{number}-{cut}")
        path.unlink()
        assert re.search(rf"missing \S*{re.escape(path.name)}", refusal(name, tmp_path / f"data-{number}"))
        path.write_bytes(whole)


WRONG: list[tuple[Callable[[Path], Path], str, str, Any, str]] = [
    (products, "ogbn-products", "raw/edge.csv.gz", [[0, 12]], "edge 0 joins nodes 0 and 12"),
    (products, "ogbn-products", "split/sales_ranking/valid.csv.gz", [2, 4], "share 1 nodes, the first of them 4"),
    (products, "ogbn-products", "raw/node-label.csv.gz", [[0]], "1 labels for 12 rows of node-feat.csv.gz"),
    (mag, "ogbn-mag", "raw/relations/author___writes___paper/edge.csv.gz", [[0, 4]], "names paper 4; they are 0 to 3"),
    (mag, "ogbn-mag", "raw/node-label/paper/node-label.csv.gz", [[0], [1]], "2 labels for 4 papers"),
    (molecules, "ogbg-molhiv", "raw/num-edge-list.csv.gz", [[2]] * 12, "it counts 24 bonds, and there are 18"),
    (molecules, "ogbg-molhiv", "raw/graph-label.csv.gz", [["nan"]] * 12, "has label nan"),
]


@pytest.mark.parametrize(("make", "name", "file", "table", "words"), WRONG)
def test_tables_that_do_not_fit_are_told(
    make: Callable[[Path], Path], name: str, file: str, table: Any, words: str, mirror_of: Path, tmp_path: Path
) -> None:
    write(make(mirror_of) / file, table)
    message = refusal(name, tmp_path / "data")
    assert words in message
    assert Path(file).name in message


def test_a_node_without_a_class_is_named(mirror_of: Path, tmp_path: Path) -> None:
    saint(mirror_of, "Flickr", [0, 1, 2] * 3)
    assert "of its classes node 9 has none" in refusal("flickr", tmp_path / "data")


def test_sixty_five_sets_have_their_counts() -> None:
    """By name what people expect; every entry says how large it is."""
    infos = [DATASETS.get(name) for name in DATASETS.names]
    assert len(infos) >= 65
    expected = (
        "wikics flickr reddit yelp lastfm-asia penn94 reed98 amherst41 johnshopkins55 cornell5 genius ogbn-products "
        "ogbn-mag ogbg-molhiv nci109 dhfr bzr mutagenicity imdb-multi dd cox2 enzymes reddit-binary twitch-de "
        "coauthor-physics deezer-europe github airports-usa"
    )
    assert set(expected.split()) <= set(DATASETS.names)
    for info in infos:
        assert info.features, info.name
        assert info.classes, info.name
        assert info.nodes or info.graphs, info.name
