"""Embedded and generated datasets: the same everywhere, and shaped as they claim."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_distillery.bench.data.loaders.embedded.loader import digits_knn, karate
from graph_distillery.bench.data.loaders.generated.blocks import csbm
from graph_distillery.bench.data.loaders.generated.power_law import power_law
from graph_distillery.bench.data.loaders.generated.unions import MOTIFS, motifs, multi_sbm
from graph_distillery.bench.data.loading import load_dataset
from graph_distillery.bench.data.randomness import Stream
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[3]
KNOWN = {
    "digits-knn": "1ac6f52b93ffefa20860979a8b22a1ac46b10761184b6c802445b30638395c90",
    "karate": "19b3e205175e00dc78aa90909d69b1a6b151ebe8a6d060885a32d664ef8f46a3",
    "csbm": "4bd950e51bc094e9030308650d657b1d1ad38c00d0d7fa6039d7651ee9e61f0f",
    "csbm-homophilic": "729dc8f98393243f807349d6b6fa542b603c31c6e06f8635667e2a76fffa1d16",
    "csbm-heterophilic": "27e7410a31e538b812ab95faa7655e9a17de6309aecebb3ff411b8fe419e8136",
    "motifs": "fd778eab38ebe93c88922337cb87fab43cb99c7f3295903016e28699d2353bfa",
    "multi-sbm-small": "db50fef3b36b6e81751c90b93cfa6e57b353bacea36dc223fa4fe9a27029269b",
    "shapes": "0fdcb0cb4a880386a9b1d195ff0ed7f53bfa7985cdd0e86cce4d88215d29c329",
    "shapes-small": "155f63a3f236e3b48f346560f34b0c25f8eb3ab7149f513df933d1b9d359a5b7",
}


def test_content_is_the_same_in_another_process() -> None:
    load = "from graph_distillery.bench.data.loading import load_dataset"
    generated = {name: sha256 for name, sha256 in KNOWN.items() if DATASETS.get(name).kind == "generated"}
    program = f"{load}\nfor name in {list(generated)!r}: print(load_dataset(name).sha256)"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert dict(zip(generated, done.stdout.split(), strict=True)) == generated
    assert {name: load_dataset(name).sha256 for name in KNOWN} == KNOWN


def test_counts_are_those_of_the_table() -> None:
    for info in DATASETS:
        if info.kind == "download":
            continue
        dataset = load_dataset(info.name)
        graph = dataset.graph
        known = (info.nodes, info.edges, info.features, info.classes, info.graphs)
        found = (graph.num_nodes, graph.num_edges, graph.num_features, dataset.num_classes, graph.num_graphs)
        assert [one for one, other in zip(found, known, strict=True) if other is not None] == [
            other for other in known if other is not None
        ], info.name
        assert (dataset.name, dataset.task, dataset.metric) == (info.name, info.task, info.metric)
        source, target = graph.edge_index
        assert torch.equal(graph.graph_of_node[source], graph.graph_of_node[target])


def test_digits_are_joined_to_their_nearest() -> None:
    graph = digits_knn().graph
    pixels = graph.dense_features().double().numpy() * 16
    edges = set(map(tuple, graph.edge_index.T.tolist()))
    for node in (0, 17, 900, 1796):
        distance = ((pixels - pixels[node]) ** 2).sum(axis=1)
        distance[node] = np.inf
        nearest = sorted(range(len(pixels)), key=lambda other: (distance[other], other))[:5]
        assert all((node, other) in edges and (other, node) in edges for other in nearest)
    assert int(graph.edges_by_target[2].diff().min()) >= 5


def test_karate_club() -> None:
    dataset = karate()
    assert dataset.graph.num_edges == 2 * 78
    degrees = torch.bincount(dataset.graph.edge_index[0])
    assert (int(degrees[0]), int(degrees[33])) == (16, 17), "the instructor and the president"
    ((train, val, test),) = dataset.fixed_splits["public"]
    assert dataset.labels[train].sort().values.tolist() == [0, 1, 2, 3]
    assert len(train) + len(val) + len(test) == 34


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 1), st.integers(2, 6), st.integers(0, 1000))
def test_csbm_has_the_homophily_and_degree_asked_for(homophily: float, classes: int, seed: int) -> None:
    dataset = csbm(nodes=1200, classes=classes, degree=12.0, homophily=homophily, seed=seed)
    source, target = dataset.graph.edge_index
    assert dataset.graph.num_edges == 1200 * 12
    same = float((dataset.labels[source] == dataset.labels[target]).double().mean())
    # Repeats are dropped, which thins the denser pairs of classes a little.
    assert abs(same - homophily) < 0.04
    counts = dataset.labels.bincount(minlength=classes)
    assert int(counts.max() - counts.min()) <= 1


def test_csbm_signal_is_the_length_of_the_class_means() -> None:
    dataset = csbm(nodes=8000, classes=4, features=16, signal=3.0)
    features = dataset.graph.dense_features()
    for label in range(4):
        mean = features[dataset.labels == label].mean(dim=0)
        assert float(mean.norm()) == pytest.approx(3.0, abs=0.15)
        assert float(features[dataset.labels == label].std(dim=0).mean()) == pytest.approx(1.0, abs=0.03)


def test_motifs_hold_their_motif_and_are_connected() -> None:
    dataset = motifs(graphs=60, noise=0.0)
    pointers = dataset.graph.graph_pointers.tolist()
    for number, label in enumerate(dataset.labels.tolist()):
        first, last = pointers[number], pointers[number + 1]
        edges = dataset.graph.edge_index.T
        mine = edges[(edges[:, 0] >= first) & (edges[:, 0] < last)] - first
        pairs = {(one, other) for one, other in mine.tolist() if one < other}
        corner = last - first - 5
        planted = {(corner + one, corner + other) for one, other in list(MOTIFS.values())[label]}
        assert {pair for pair in pairs if pair[0] >= corner} == planted
        assert len(pairs) == (corner - 1) + 1 + len(planted), "a tree, a bridge and the motif"
        reached, front = {0}, [0]
        while front:
            near = {b for a, b in mine.tolist() if a in front} - reached
            reached |= near
            front = list(near)
        assert len(reached) == last - first


def test_multi_sbm_labels_have_the_promised_rates_and_follow_the_neighbours() -> None:
    dataset = multi_sbm(graphs=12, nodes=300, degree=12.0, features=16, labels=30)
    rates = dataset.labels.mean(dim=0)
    assert float(rates.min()) > 0.04
    assert float(rates.max()) < 0.51
    source, target = dataset.graph.edge_index
    agree = (dataset.labels[source] == dataset.labels[target]).float().mean()
    chance = (rates**2 + (1 - rates) ** 2).mean()
    assert float(agree) > float(chance) + 0.05


@pytest.mark.parametrize(
    "make",
    [
        lambda: csbm(homophily=1.5),
        lambda: csbm(classes=1),
        lambda: csbm(nodes=20, degree=19.0),
        lambda: motifs(smallest=9, largest=8),
        lambda: multi_sbm(graphs=2),
    ],
)
def test_impossible_parameters_are_refused_in_one_line(make) -> None:
    with pytest.raises(UserError, match="needs") as caught:
        make()
    assert "\n" not in str(caught.value)


def test_the_stream_is_the_raw_one() -> None:
    """These come from PCG64 alone, whose stream NumPy keeps."""
    stream = Stream(7, "test")
    assert sorted(stream.permutation(50)) == list(range(50))
    assert Stream(7, "test").permutation(5).tolist() != Stream(8, "test").permutation(5).tolist()
    assert not np.array_equal(Stream(7, "test").uniform(4), Stream(7, "other").uniform(4))
    sample = Stream(0, "test").normal(200_000)
    assert (abs(sample.mean()), sample.std()) == (pytest.approx(0, abs=0.01), pytest.approx(1, abs=0.01))
    assert Stream(0, "test").uniform(200_000).mean() == pytest.approx(0.5, abs=0.005)
    bounds = np.array([1, 2, 5])
    drawn = Stream(0, "test").integers(bounds, 4000, 3)
    assert drawn.max(axis=0).tolist() == [0, 1, 4]
    assert drawn.min() == 0


def test_power_law_graphs_have_the_counts_and_the_law_that_they_claim() -> None:
    """Hill's estimate of the exponent from the 2 % largest degrees; edges both ways, each once, none to itself."""
    dataset = power_law(nodes=40_000, arcs=500_000, features=4, classes=8, largest=4_000)
    graph = dataset.graph
    source, target = graph.edge_index
    codes = source * graph.num_nodes + target
    assert (graph.num_nodes, graph.num_edges) == (40_000, 500_000)
    assert bool((codes.diff() > 0).all())
    assert not bool((source == target).any())
    assert torch.equal((target * graph.num_nodes + source).sort().values, codes)
    degrees = graph.in_degrees().double().sort(descending=True).values
    hill = 1 + 1 / float((degrees[:800] / degrees[800]).log().mean())
    assert abs(hill - 2.5) < 0.2
    same = (dataset.labels[source] == dataset.labels[target]).double().mean()
    sizes = dataset.labels.bincount().double() / graph.num_nodes
    assert abs(float(same) - (0.65 + 0.35 * float((sizes**2).sum()))) < 0.02
    train, val, test = dataset.fixed_splits["public"][0]
    assert torch.equal(torch.cat([train, val, test]).sort().values, torch.arange(40_000))
    with pytest.raises(UserError, match="power_law: needs"):
        power_law(nodes=100, classes=40)
