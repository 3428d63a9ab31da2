"""HGB's sets: its text files, whole and damaged, and the real ones against PyG's counts and the pinned content."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from graph_distillery.bench.data import checks
from graph_distillery.bench.data.dataset import Dataset, content_hashes
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.loaders.hgb.loader import hgb
from graph_distillery.bench.data.raw_files import RawFiles
from graph_distillery.bench.data.splits import available_splits, make_split
from graph_distillery.bench.errors import UserError
from graph_distillery.methods.contract.columns import TypeNames

INFO = {
    "node.dat": {"node type": {"0": "paper", "1": "author", "2": "term"}},
    "link.dat": {
        "link type": {
            "0": {"start": 0, "end": 0, "meaning": "paper-cite-paper"},
            "1": {"start": 0, "end": 0, "meaning": "paper-ref-paper"},
            "2": {"start": 0, "end": 1, "meaning": "paper->author"},
            "3": {"start": "0", "end": "2", "meaning": "paper-term"},
        }
    },
    "label.dat": {"node type": {"0": {"0": "a", "1": "b"}}},
}
FEATURES = {0: "0,1.5", 1: "1,0", 2: "2,2", 3: "0,0", 4: "7", 5: "0"}  # papers 0 to 3, authors 4 and 5, terms 6 and 7
TYPES = [0, 0, 0, 0, 1, 1, 2, 2]
NODES = "".join(
    f"{node}\tname of {node}\t{kind}" + (f"\t{FEATURES[node]}" if node in FEATURES else "") + "\n"
    for node, kind in enumerate(TYPES)
)
LINKS = "0\t1\t0\t1.0\n0\t1\t1\t1\n2\t2\t0\t1\n0\t1\t0\t1\n3\t4\t2\t1\n1\t7\t3\t1\n"
FILES = {
    "info.dat": json.dumps(INFO), "node.dat": NODES, "link.dat": LINKS,
    "label.dat": "0\tx\t0\t1\n3\tx\t0\t0\n", "label.dat.test": "2\tx\t0\t0\n",
}  # fmt: skip


def load(tmp_path: Path, name: str = "hgb-acm", packed: bool = False, **files: str) -> Dataset:
    written = FILES | {key.replace("_", "."): value for key, value in files.items()}
    folder = name.removeprefix("hgb-")
    place = tmp_path / "HGBDataset" / folder / ("source" if packed else f"raw/{folder.upper()}")
    place.mkdir(parents=True)
    if packed:
        with zipfile.ZipFile(place / f"{folder.upper()}.zip", "w") as archive:
            for file, text in written.items():
                archive.writestr(f"{folder.upper()}/{file}", text)
            archive.writestr(f"{folder.upper()}/label.dat.test_full", "0\tx\t0\tnever read\n")
    else:
        for file, text in written.items():
            (place / file).write_text(text)
    raw = RawFiles(name, tmp_path / "data", tmp_path)
    try:
        return checks.sound(hgb(name, raw, folder))
    except DataFault as fault:
        raise raw.at_fault(fault) from None


def test_one_graph_of_typed_nodes_and_edges(tmp_path: Path) -> None:
    dataset = load(tmp_path)
    graph = dataset.graph
    assert graph.types == TypeNames(
        ("paper", "author", "term"), ("paper-cite-paper", "paper-ref-paper", "paper-author", "paper-term")
    )
    assert graph.edge_index.T.tolist() == [[0, 1], [0, 1], [1, 7], [3, 4]], "an arc of two types is two"
    assert (graph.edge_type.tolist(), dataset.self_loops, dataset.repeats) == ([0, 1, 3, 2], 1, 1)
    assert graph.num_targets == 4
    assert graph.node_type.tolist() == TYPES
    expected = torch.zeros(8, 5)  # two columns of papers, one of authors, one for each term
    expected[0, 1], expected[1, 0], expected[2, :2], expected[4, 2] = 1.5, 1, 2, 7
    expected[6, 3] = expected[7, 4] = 1
    assert torch.equal(graph.dense_features(), expected)
    assert dataset.labels.tolist() == [1, -1, 0, 0]
    assert available_splits(dataset) == ["hgb"]


def test_the_archive_is_read_as_it_lies(tmp_path: Path) -> None:
    assert load(tmp_path / "a").sha256 == load(tmp_path / "b", packed=True).sha256
    assert not (tmp_path / "b" / "data" / "HGBDataset" / "acm" / "raw").exists()


def test_sets_of_labels(tmp_path: Path) -> None:
    dataset = load(tmp_path, "hgb-imdb", label_dat="0\tx\t0\t1,0\n3\tx\t0\t0\n")
    assert dataset.labels.tolist() == [[1, 1], [0, 0], [1, 0], [1, 0]]
    assert "1 items have no label at all and are in no part of any split" in checks.remarks(dataset)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"link_dat": LINKS + "8\t0\t0\t1\n"}, r"link\.dat is damaged \(edge 6 joins nodes 8 and 0, .* 0 to 7\)"),
        ({"link_dat": LINKS + "4\t0\t2\t1\n"}, r"edge 6 is of type 'paper-author' and joins a author and a paper"),
        ({"link_dat": LINKS + "0\t1\t9\t1\n"}, "edge 6 between nodes 0 and 1 is of a type"),
        ({"link_dat": LINKS + "0\t1\t0\t2\n"}, "edge 6 between nodes 0 and 1 has another weight"),
        ({"node_dat": NODES.replace("1,0", "1,0,3")}, r"node\.dat is damaged \(node 1 has 3 features; .* paper has 2"),
        ({"node_dat": NODES.replace("1,0", "1,nan")}, r"node\.dat is damaged \(node 1 has nan as feature 1"),
        ({"node_dat": NODES.replace("7\tname", "9\tname")}, "line 8 of node.dat is not that of node 7"),
        ({"node_dat": NODES.replace("of 7\t2", "of 7\t3")}, "node 7 is of type 3; types are 0 to 2"),
        ({"label_dat": "0\tx\t0\t2\n"}, r"label\.dat is damaged \(node 0 has label 2; there are 2 classes"),
        ({"label_dat": "0\tx\t0\t1\n0\tx\t0\t0\n"}, "node 0 has two lines"),
        ({"label_dat": "4\tx\t1\t1\n"}, "node 4 has a label and is not of the first type"),
        ({"label_dat": "2\tx\t0\t1\n3\tx\t0\t1\n"}, "node 2 is in the training and in the test list"),
        ({"label_dat": "0\tx\t0\t1,0\n3\tx\t0\t1\n"}, "node 0 has 2 labels, and the task is of one"),
        ({"info_dat": "{"}, r"info\.dat is damaged"),
    ],
)
def test_damaged_files_are_named(files: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words) as caught:
        load(tmp_path, **files)
    assert "\n" not in str(caught.value)


def test_typed_data_have_types_and_items_first(tmp_path: Path) -> None:
    dataset = load(tmp_path)
    graph = dataset.graph
    for changed, words in (
        (replace(graph, types=None), "types of nodes and of edges must be named"),
        (graph.with_columns(nodes={"type": torch.tensor([1, 0, 0, 0, 0, 1, 2, 2])}), "node 4 is of the first type"),
        (graph.with_columns(edges={"type": torch.tensor([0, 1, 3, 4])}), "edge 3 is of type 4; types are 0 to 3"),
    ):
        with pytest.raises(DataFault, match=words):
            checks.sound(replace(dataset, graph=changed))
    with pytest.raises(DataFault, match=r"the labels have shape \[8\], the task wants \[4\]"):
        checks.sound(replace(dataset, labels=torch.zeros(8, dtype=torch.long)))


def test_the_hash_tells_which_type_an_arc_has(tmp_path: Path) -> None:
    graph, labels = (dataset := load(tmp_path)).graph, dataset.labels
    order = torch.tensor([1, 3, 0, 2])
    shuffled = graph.with_edges(graph.edge_index[:, order], {"type": graph.edge_type[order]})
    assert content_hashes(shuffled, labels)[0] == dataset.sha256
    swapped = graph.with_columns(edges={"type": torch.tensor([0, 1, 2, 3])})
    assert content_hashes(swapped, labels)[0] != dataset.sha256


# nodes, arcs less self-loops, nodes by type, training and test list: PyG's counts, and 16 self-loops of ACM
SETS = {
    "hgb-acm": (10942, 547872 - 16, [3025, 5959, 56, 1902], 907, 1059),
    "hgb-dblp": (26128, 239566, [4057, 14328, 7723, 20], 1217, 1420),
    "hgb-imdb": (21420, 86642, [4932, 2393, 6124, 7971], 1371, 1601),
}


@pytest.mark.parametrize("name", ["hgb-acm", *(pytest.param(n, marks=pytest.mark.slow) for n in list(SETS)[1:])])
def test_the_real_sets(name: str, load: Callable[[str], Dataset]) -> None:
    dataset = load(name)
    nodes, arcs, by_type, listed, tested = SETS[name]
    assert (dataset.graph.num_nodes, dataset.graph.num_edges) == (nodes, arcs)
    assert dataset.graph.node_type.bincount().tolist() == by_type
    splits = [make_split(dataset, "hgb", seed)[1] for seed in (0, 1)]
    for split in splits:
        assert (split.val.numel(), split.test.numel()) == (int(0.2 * listed), tested)
        assert torch.equal(
            torch.cat([split.train, split.val]).sort().values, torch.cat([splits[0].train, splits[0].val]).sort().values
        )
        assert torch.equal(split.test, splits[0].test)
    assert not torch.equal(splits[0].val, splits[1].val)
