"""Every downloaded dataset against what its sources say of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.data.splits import make_split
from graph_distillery.methods.contract.sparse import SparseMatrix

# nodes, arcs without self-loops and repeats, features, label counts
NODE_SETS = {
    "cora": (2708, 10556, 1433, [351, 217, 418, 818, 426, 298, 180]),
    "citeseer": (3327, 9104, 3703, [264, 590, 668, 701, 596, 508]),
    "pubmed": (19717, 88648, 500, [4103, 7739, 7875]),
    "cornell": (183, 554, 1703, [33, 1, 18, 101, 30]),
    "texas": (183, 558, 1703, [33, 1, 18, 101, 30]),
    "wisconsin": (251, 900, 1703, [10, 70, 118, 32, 21]),
    "actor": (7600, 53318, 932, [853, 1337, 1630, 1815, 1965]),
    "chameleon": (2277, 62742, 2325, [456, 460, 453, 521, 387]),
    "amazon-photo": (7650, 238162, 745, [369, 1686, 703, 915, 882, 823, 1941, 331]),
    "amazon-computers": (13752, 491722, 767, [436, 2142, 1414, 542, 5158, 308, 487, 818, 2156, 291]),
    "coauthor-cs": (
        18333,
        163788,
        6805,
        [708, 462, 2050, 429, 1394, 2193, 371, 924, 775, 118, 1444, 2033, 420, 4136, 876],
    ),
}
# graphs, nodes, arcs, features, label counts
GRAPH_SETS = {
    "mutag": (188, 3371, 7442, 7, [63, 125]),
    "ptc-mr": (344, 4915, 10108, 18, [192, 152]),
    "enzymes": (600, 19580, 74564, 3, [100] * 6),
    "proteins": (1113, 43471, 162088, 3, [663, 450]),
    "imdb-binary": (1000, 19773, 193062, 136, [500, 500]),
    "nci1": (4110, 122747, 265506, 37, [2053, 2057]),
    "reddit-binary": (2000, 859254, 1991016, 13, [1000, 1000]),
    "collab": (5000, 372474, 24572158, 492, [2600, 775, 1625]),
}
SLOW = {"amazon-computers", "coauthor-cs", "nci1", "reddit-binary", "collab"}
# train, validation and test items of the published splits
FIXED = {
    ("cora", "public"): (140, 500, 1000),
    ("cora", "geom-gcn"): (1192, 796, 497),
    ("citeseer", "public"): (120, 500, 1000),
    ("citeseer", "geom-gcn"): (1596, 1065, 666),
    ("pubmed", "public"): (60, 500, 1000),
    ("pubmed", "geom-gcn"): (9463, 6310, 3944),
    ("cornell", "geom-gcn"): (87, 59, 37),
    ("texas", "geom-gcn"): (87, 59, 37),
    ("wisconsin", "geom-gcn"): (120, 80, 51),
    ("actor", "geom-gcn"): (3648, 2432, 1520),
    ("chameleon", "geom-gcn"): (1092, 729, 456),
}
EDGE_FILES = {
    "cornell": "WebKB/cornell/raw",
    "texas": "WebKB/texas/raw",
    "wisconsin": "WebKB/wisconsin/raw",
    "actor": "Actor/raw",
    "chameleon": "WikipediaNetwork/chameleon/geom_gcn/raw",
}


def fast_first(names: dict[str, tuple[object, ...]]) -> list[object]:
    return [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in names]


@pytest.mark.parametrize("name", fast_first(NODE_SETS))
def test_node_sets_have_their_published_counts(name: str, load: Callable[[str], Dataset]) -> None:
    dataset = load(name)
    nodes, edges, features, labels = NODE_SETS[name]
    assert (dataset.graph.num_nodes, dataset.graph.num_features) == (nodes, features)
    assert edges is None or dataset.graph.num_edges == edges
    assert dataset.labels.bincount().tolist() == labels
    assert dataset.num_classes == len(labels)
    check_edges(dataset)


@pytest.mark.parametrize("name", fast_first(GRAPH_SETS))
def test_graph_sets_have_their_published_counts(name: str, load: Callable[[str], Dataset]) -> None:
    dataset = load(name)
    graphs, nodes, edges, features, labels = GRAPH_SETS[name]
    graph = dataset.graph
    assert (graph.num_graphs, graph.num_nodes, graph.num_edges, graph.num_features) == (
        graphs,
        nodes,
        edges,
        features,
    )
    assert dataset.labels.bincount().tolist() == labels
    source, target = graph.edge_index
    assert torch.equal(graph.graph_of_node[source], graph.graph_of_node[target])
    rows = graph.features if isinstance(graph.features, torch.Tensor) else graph.features.to_torch().to_dense()
    assert torch.equal(rows.sum(dim=1), torch.ones(nodes)) if nodes < 50_000 else True
    check_edges(dataset)


def check_edges(dataset: Dataset) -> None:
    source, target = dataset.graph.edge_index
    codes = source * dataset.graph.num_nodes + target
    assert bool((codes.diff() > 0).all()), "sorted, no arc twice"
    assert not bool((source == target).any())
    info = DATASETS.get(dataset.name)
    if "Directed" not in info.note:
        assert torch.equal((target * dataset.graph.num_nodes + source).sort().values, codes)


@pytest.mark.parametrize(("name", "split"), FIXED)
def test_published_splits_have_their_sizes(name: str, split: str, load: Callable[[str], Dataset]) -> None:
    dataset = load(name)
    _, made = make_split(dataset, split, 0)
    assert (len(made.train), len(made.val), len(made.test)) == FIXED[name, split]
    count = len(dataset.fixed_splits[split])
    assert count == (1 if split == "public" else 10)
    seeds = [make_split(dataset, split, seed)[1].sha256 for seed in range(count + 1)]
    assert seeds[-1] == seeds[-2], "seeds beyond the published splits count from the end"
    assert len(set(seeds)) == count


@pytest.mark.parametrize("name", EDGE_FILES)
def test_directed_sets_hold_the_arcs_of_their_file(name: str, load: Callable[[str], Dataset], mirror: Path) -> None:
    lines = (mirror / EDGE_FILES[name] / "out1_graph_edges.txt").read_text().splitlines()[1:]
    arcs = {tuple(map(int, line.split("\t"))) for line in lines}
    arcs = {arc for arc in arcs if arc[0] != arc[1]}
    directed, dataset = load(f"{name}-directed"), load(name)
    assert set(map(tuple, directed.graph.edge_index.T.tolist())) == arcs
    assert set(map(tuple, dataset.graph.edge_index.T.tolist())) == arcs | {(other, one) for one, other in arcs}
    assert torch.equal(directed.graph.dense_features(), dataset.graph.dense_features())
    assert directed.sha256 != dataset.sha256


def test_cornell_has_the_features_of_texas_as_upstream(load: Callable[[str], Dataset]) -> None:
    cornell, texas = load("cornell"), load("texas")
    assert torch.equal(cornell.graph.dense_features(), texas.graph.dense_features())
    assert torch.equal(cornell.labels, texas.labels)
    assert cornell.sha256 != texas.sha256


def test_features_of_tu_sets_are_those_of_pyg_graph_by_graph(load: Callable[[str], Dataset], mirror: Path) -> None:
    from torch_geometric.io import read_tu_data

    data, slices, sizes = read_tu_data(str(mirror / "TUDataset/ENZYMES/raw"), "ENZYMES")
    graph = load("enzymes").graph
    assert torch.equal(graph.dense_features(), data.x[:, sizes["num_node_attributes"] :])
    assert torch.equal(graph.graph_pointers, slices["x"])
    for number in (0, 1, 299, 599):
        mine = graph.select_graphs(torch.tensor([number])).edge_index
        theirs = data.edge_index[:, slices["edge_index"][number] : slices["edge_index"][number + 1]]
        assert set(map(tuple, mine.T.tolist())) == set(map(tuple, theirs.T.tolist()))


def test_social_networks_carry_their_degree(load: Callable[[str], Dataset]) -> None:
    graph = load("imdb-binary").graph
    assert isinstance(graph.features, SparseMatrix)
    degrees = torch.bincount(graph.edge_index[1], minlength=graph.num_nodes)
    assert torch.equal(graph.features.columns, degrees)
