"""Data that cannot be: of every loader one line that names file, item and value, before anything is trained."""

from __future__ import annotations

import gzip
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from graph_distillery.bench.data.availability import availability
from graph_distillery.bench.data.loading import load_dataset, remarks
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.errors import UserError

Arrays = dict[str, np.ndarray]
NODES = 40


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: None) -> Path:
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("DISTILLERY_MIRROR", str(tmp_path / "mirror"))
    return tmp_path / "mirror"


def refusal(name: str, root: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_dataset(name, root)
    message = str(caught.value)
    assert "\n" not in message
    return message


# -- the heterophilous sets: one file ------------------------------------------------------------------------------


def good_arrays() -> Arrays:
    """A small set in the format of minesweeper: 40 nodes, two splits, both classes in every part."""
    rng = np.random.default_rng(0)
    masks = np.stack([np.roll(np.arange(NODES) // 2 % 4, 2 * shift) for shift in range(2)])
    return {
        "node_features": rng.normal(size=(NODES, 3)).astype(np.float32),
        "node_labels": np.arange(NODES) % 2,
        "edges": np.stack([np.arange(NODES - 1), np.arange(1, NODES)], axis=1),
        "train_masks": masks < 2,
        "val_masks": masks == 2,
        "test_masks": masks == 3,
    }


def write(place: Path, arrays: Arrays, name: str = "minesweeper") -> Path:
    path = place / "HeterophilousGraphDataset" / name / "raw" / f"{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return path


def one(key: str, place: Any, value: Any) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[key] = arrays[key].copy()
        arrays[key][place] = value

    return change


def put(key: str, value: Callable[[Arrays], np.ndarray]) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.update({key: value(arrays)})


BAD_ARRAYS = {
    "test is train": (put("test_masks", lambda a: a["train_masks"]), "training and test parts share 20 nodes"),
    "one shared node": (one("val_masks", (1, 2), True), "number 1: its training and validation parts share 1 nodes"),
    "no training": (one("train_masks", slice(None), False), "its training part is empty"),
    "no validation in split 1": (one("val_masks", 1, False), "number 1: its validation part is empty"),
    "no test": (one("test_masks", slice(None), False), "its test part is empty"),
    "short masks": (put("val_masks", lambda a: a["val_masks"][:, :-1]), "the masks have the shapes"),
    "all masks short": (lambda a: [a.update({k: a[k][:, :-1]}) for k in list(a) if "mask" in k], "for 40 items"),
    "mask of twos": (put("train_masks", lambda a: a["train_masks"] * 2), "something else than 0 and 1"),
    "beyond": (one("edges", 3, [0, 45]), "edge 3 joins nodes 0 and 45, but the nodes are 0 to 39"),
    "negative": (one("edges", 0, [0, -1]), "edge 0 joins nodes 0 and -1"),
    "edges of halves": (put("edges", lambda a: a["edges"] + 0.5), "the edges are float64, not whole numbers"),
    "three ends": (put("edges", lambda a: np.zeros((4, 3), np.int64)), r"the edges have shape [3, 4]"),
    "label -1": (one("node_labels", 5, -1), "item 5 has label -1"),
    "a gap": (put("node_labels", lambda a: a["node_labels"] * 3), "ROC AUC judges labels 0 and 1"),
    "half a label": (put("node_labels", lambda a: a["node_labels"] + 0.5), "item 0 has label 0.5"),
    "a missing label": (put("node_labels", lambda a: np.where(np.arange(NODES) == 7, np.nan, 0)), "item 7 has label"),
    "labels of words": (put("node_labels", lambda a: a["node_labels"].astype(str)), "minesweeper.npz is damaged"),
    "labels as objects": (put("node_labels", lambda a: a["node_labels"].astype(object)), "minesweeper.npz is damaged"),
    "too few labels": (put("node_labels", lambda a: a["node_labels"][:-1]), "the labels have shape [39]"),
    "nan": (one("node_features", (3, 2), np.nan), "node 3 has nan as feature 2"),
    "inf": (one("node_features", (39, 0), -np.inf), "node 39 has -inf as feature 0"),
    "above float32": (put("node_features", lambda a: a["node_features"] * 1e300), "inf as feature"),
    "flat features": (put("node_features", lambda a: a["node_features"][:, 0]), "the features have shape"),
    "one class judged": (put("node_labels", lambda a: 1 - a["val_masks"][1]), "number 0: all 10 items of its val"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_a_fault_in_one_file_is_named(case: str, place: Path, tmp_path: Path) -> None:
    change, words = BAD_ARRAYS[case]
    arrays = {key: value.astype(float) if value.dtype.kind == "f" else value for key, value in good_arrays().items()}
    change(arrays)
    path = write(place, arrays)
    message = refusal("minesweeper", tmp_path / "data")
    assert words in message
    assert str(path) in message
    write(place, good_arrays())
    load_dataset("minesweeper", tmp_path / "data")


def test_loops_and_repeats_are_removed_and_counted(place: Path, tmp_path: Path) -> None:
    arrays = good_arrays()
    edges = arrays["edges"]
    plain = write(place, arrays)
    clean = load_dataset("minesweeper", tmp_path / "clean")
    arrays["edges"] = np.concatenate([edges, edges, edges[:, ::-1], np.stack([np.arange(NODES)] * 2, axis=1)])
    write(place, arrays)
    assert plain.is_file()
    dataset = load_dataset("minesweeper", tmp_path / "data")
    assert dataset.sha256 == clean.sha256
    assert (dataset.self_loops, dataset.repeats) == (NODES, len(edges)), "the other direction is no repeat"
    assert remarks(dataset)[0] == "40 self-loops and 39 repeated arcs of its source left out"
    assert remarks(dataset)[1] == "not the published data: 40 nodes, published 10,000"
    again = load_dataset("minesweeper", tmp_path / "data")
    assert (again.self_loops, again.repeats) == (40, 39), "the cache keeps the counts"
    assert "40 self-loops and 39 repeated" in availability(DATASETS.get("minesweeper"), tmp_path / "data").where


@pytest.mark.parametrize("change", [
    put("node_labels", lambda a: a["node_labels"].astype(np.float64)),
    put("node_labels", lambda a: a["node_labels"][:, None]),
    put("edges", lambda a: a["edges"].astype(np.uint16)),
    put("train_masks", lambda a: a["train_masks"].astype(np.int8)),
])  # fmt: skip
def test_other_types_of_number_are_the_same_data(change, place: Path, tmp_path: Path) -> None:
    write(place, good_arrays())
    clean = load_dataset("minesweeper", tmp_path / "clean")
    arrays = good_arrays()
    change(arrays)
    write(place, arrays)
    assert load_dataset("minesweeper", tmp_path / "data").sha256 == clean.sha256


# -- the other loaders ---------------------------------------------------------------------------------------------


def test_faults_in_matrices_of_npz(place: Path, tmp_path: Path) -> None:
    """SciPy looks at no index, and PyG makes a one of every positive feature: both would hide these."""
    features = sp.csr_matrix(np.array([[2.0, 0], [0, 1], [1, 1], [0, 0], [1, 0]]))
    good = {
        "labels": np.array([0, 1, 2, 3, 0]),
        "adj_data": np.ones(3), "adj_indices": np.array([1, 2, 3]), "adj_indptr": np.array([0, 1, 2, 2, 3, 3]),
        "adj_shape": (5, 5), "attr_data": features.data, "attr_indices": features.indices,
        "attr_indptr": features.indptr, "attr_shape": (5, 2),
    }  # fmt: skip
    bad = [
        ("adj_indices", [1, 9, 3], "edge 1 joins nodes 1 and 9"),
        ("adj_indices", [1, -2, 3], "edge 1 joins nodes 1 and -2"),
        ("attr_indices", [0, 1, 0, 7, 0], "a feature stands in column 7 of 2"),
        ("attr_data", [2.0, np.inf, 1, 1, 1], "node 1 has inf as feature 1"),
        ("attr_data", [np.nan, 1.0, 1, 1, 1], "node 0 has nan as feature 0"),
        ("labels", [0, 1, 2, -1, 0], "item 3 has label -1"),
        ("labels", [0, 1, 2, 3], "the labels have shape [4]"),
        ("adj_indptr", [0, 1, 2, 2, 3, 9], "the row pointers"),
    ]
    raw = place / "CitationFull/dblp/raw"
    raw.mkdir(parents=True)
    for number, (key, value, words) in enumerate(bad):
        np.savez(raw / "dblp.npz", **{**good, key: np.array(value)})
        message = refusal("citationfull-dblp", tmp_path / str(number))
        assert words in message
        assert "dblp.npz" in message
    np.savez(raw / "dblp.npz", **{**good, "labels": np.array([0, 1, 3, 3, 0])})
    assert "of classes 0 to 3, no item has 2" in remarks(load_dataset("citationfull-dblp", tmp_path / "gap"))


def test_faults_in_the_files_of_geom_gcn(mirror: Path, place: Path, tmp_path: Path) -> None:
    raw = place / "WebKB/texas/raw"
    shutil.copytree(mirror / "WebKB/texas/raw", raw, copy_function=shutil.copyfile)
    raw.chmod(0o755)
    edges, table, masks = (raw / f for f in ("out1_graph_edges.txt", "out1_node_feature_label.txt",
                                             "texas_split_0.6_0.2_7.npz"))  # fmt: skip
    whole = {path: path.read_bytes() for path in (edges, table, masks)}
    split = dict(np.load(masks))

    def lines(path: Path, number: int, change: Callable[[str], str]) -> None:
        text = whole[path].decode().splitlines()
        text[number] = change(text[number])
        path.write_text("\n".join(text) + "\n")

    def masked(**changed: np.ndarray) -> None:
        np.savez(masks, **{**split, **changed})

    cases: list[tuple[Path, Callable[[], None], str]] = [
        (
            edges,
            lambda: lines(edges, 1, lambda _: "0\t183"),
            "edge 0 joins nodes 0 and 183, but the nodes are 0 to 182",
        ),
        (edges, lambda: lines(edges, 2, lambda _: "-4\t1"), "edge 1 joins nodes -4 and 1"),
        (table, lambda: lines(table, 1, lambda line: line.replace("\t0,", "\tnan,", 1)), "node 0 has nan as feature 0"),
        (table, lambda: lines(table, 4, lambda line: line.rpartition("\t")[0] + "\t-1"), "item 3 has label -1"),
        (masks, lambda: masked(test_mask=split["train_mask"]), "number 7: its training and test parts share 87 nodes"),
        (masks, lambda: masked(val_mask=split["val_mask"][:-1]), "the validation mask has shape [182] for 183 items"),
        (masks, lambda: masked(val_mask=split["val_mask"] * 0), "number 7: its validation part is empty"),
    ]
    for number, (path, break_it, words) in enumerate(cases):
        break_it()
        message = refusal("texas", tmp_path / str(number))
        assert words in message
        assert path.name in message
        path.write_bytes(whole[path])
    assert load_dataset("texas", tmp_path / "whole").num_items == 183


def test_faults_in_the_files_of_planetoid(mirror: Path, place: Path, tmp_path: Path) -> None:
    raw = place / "Planetoid/Cora/raw"
    shutil.copytree(mirror / "Planetoid/Cora/raw", raw, copy_function=shutil.copyfile)
    raw.chmod(0o755)
    graph = pickle.loads((raw / "ind.cora.graph").read_bytes(), encoding="latin1")
    graph[4] = [*graph[4], 2708]
    (raw / "ind.cora.graph").chmod(0o644)
    (raw / "ind.cora.graph").write_bytes(pickle.dumps(graph, protocol=2))
    message = refusal("cora", tmp_path / "data")
    assert "joins nodes 4 and 2708, but the nodes are 0 to 2,707" in message
    assert "ind.cora.graph" in message


def test_faults_in_the_files_of_tu(mirror: Path, place: Path, tmp_path: Path) -> None:
    raw = place / "TUDataset/MUTAG/raw"
    shutil.copytree(mirror / "TUDataset/MUTAG/raw", raw, copy_function=shutil.copyfile)
    for path in (raw, *raw.iterdir()):
        path.chmod(0o755)
    file = raw / "MUTAG_A.txt"
    whole = file.read_text()
    for number, (line, words) in enumerate(
        [("0, 1", "line 1 names node 0"), ("1, 3000", "which are in graphs 0 and 166"), ("1, 3372", "has node 3,372")]
    ):
        file.write_text("\n".join([line, *whole.splitlines()[1:]]) + "\n")
        message = refusal("mutag", tmp_path / str(number))
        assert words in message
        assert "MUTAG_" in message


def test_faults_in_ogb_and_ppi(place: Path, tmp_path: Path) -> None:
    def table(file: str, rows: list[str]) -> None:
        path = place / "ogbn_arxiv" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress("".join(f"{row}\n" for row in rows).encode()))

    good = {
        "raw/edge.csv.gz": ["0,1", "2,3"], "raw/node-feat.csv.gz": ["0.5,1"] * 6,
        "raw/node-label.csv.gz": list("010101"), "split/time/train.csv.gz": list("01"),
        "split/time/valid.csv.gz": list("23"), "split/time/test.csv.gz": list("45"),
    }  # fmt: skip
    for number, (file, rows, words) in enumerate([
        ("raw/edge.csv.gz", ["0,1", "-2,3"], "edge 1 joins nodes -2 and 3"),
        ("raw/node-feat.csv.gz", [*["0.5,1"] * 5, "nan,1"], "node 5 has nan as feature 0"),
        ("raw/node-label.csv.gz", ["0", "1", "-1", "1", "0", "1"], "item 2 has label -1"),
        ("split/time/test.csv.gz", ["4", "6"], "its test part holds node 6; they are 0 to 5"),
        ("split/time/valid.csv.gz", ["1", "2"], "its training and validation parts share 1 nodes, the first of them 1"),
        ("split/time/valid.csv.gz", ["2", "2"], "its validation part holds 1 nodes more than once"),
    ]):  # fmt: skip
        for each, lines in {**good, file: rows}.items():
            table(each, lines)
        message = refusal("ogbn-arxiv", tmp_path / f"ogb{number}")
        assert words in message
        assert str(place) in message
    raw = place / "PPI/raw"
    raw.mkdir(parents=True)
    for part in ("train", "valid", "test"):
        links = [{"source": 0, "target": 1}, {"source": 2, "target": 3 + (part == "valid")}]
        body = {"directed": True, "multigraph": False, "graph": {}, "nodes": [{"id": i} for i in range(4)]}
        (raw / f"{part}_graph.json").write_text(json.dumps({**body, "links": links}))
        np.save(raw / f"{part}_graph_id.npy", np.ones(4, np.int64))
        np.save(raw / f"{part}_feats.npy", np.ones((4, 3)))
        np.save(raw / f"{part}_labels.npy", np.eye(4, 3, dtype=np.int64) * (2 if part == "test" else 1))
    message = refusal("ppi", tmp_path / "ppi")
    assert "valid_graph.json" in message
    assert "edge 1 joins nodes 2 and 4, but the nodes are 0 to 3" in message
    text = (raw / "test_graph.json").read_text()
    (raw / "valid_graph.json").write_text(text)
    assert "item 8 has 2.0 as label 0, not 0 or 1" in refusal("ppi", tmp_path / "ppi")


def test_the_files_of_another_set_are_refused(mirror: Path, place: Path, tmp_path: Path) -> None:
    """Physics is not among those whose counts alone are checked, so the files of photo would pass for it."""
    raw = place / "Coauthor/Physics/raw"
    raw.mkdir(parents=True)
    shutil.copyfile(mirror / "Amazon/Photo/raw/amazon_electronics_photo.npz", raw / "ms_academic_phy.npz")
    message = refusal("coauthor-physics", tmp_path)
    assert "ms_academic_phy.npz" in message
    assert "it gives 7,650 nodes, the published data have 34,493; they are those of 'amazon-photo'" in message
