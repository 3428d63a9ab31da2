"""Datasets that need no download: embedded in a library we depend on, or generated from a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from graph_distillery.bench.data.dataset import Dataset, tidy_edges
from graph_distillery.bench.data.randomness import Stream
from graph_distillery.bench.errors import UserError
from graph_distillery.methods.graph import Graph

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def digits_knn(name: str = "digits-knn", neighbours: int = 5) -> Dataset:
    """The 1,797 8 x 8 digits of scikit-learn (UCI optdigits), each joined to its nearest neighbours.

    Features are the 64 grey values divided by 16. An edge joins two images when either is among the
    `neighbours` nearest of the other in Euclidean distance, which is computed in integers; ties go to the
    lower number.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = digits.data.astype(np.int64)
    norms = (pixels**2).sum(axis=1)
    distance = norms[:, None] + norms[None, :] - 2 * (pixels @ pixels.T)
    np.fill_diagonal(distance, distance.max() + 1)
    ranked = distance * len(pixels) + np.arange(len(pixels))
    nearest = np.argpartition(ranked, neighbours, axis=1)[:, :neighbours]
    source = np.repeat(np.arange(len(pixels)), neighbours)
    graph = undirected_graph(pixels / 16.0, (source, nearest.ravel()))
    labels = torch.from_numpy(digits.target.astype(np.int64))
    return Dataset.build(name, "node-classification", "accuracy", graph, labels, 10)


def karate(name: str = "karate") -> Dataset:
    """Zachary's karate club (1977) with the four communities of Kipf and Welling, from PyG: 34 nodes, 78
    edges.

    Its `public` split trains on one node per community and tests on the others; nothing is left to validate
    on, so the first other node of each community does that.
    """
    from torch_geometric.datasets import KarateClub

    data = KarateClub()[0]
    labels = data.y.numpy()
    train = np.flatnonzero(data.train_mask.numpy())
    others = np.setdiff1d(np.arange(len(labels)), train)
    val = np.array([others[labels[others] == label][0] for label in range(4)])
    test = np.setdiff1d(others, val)
    public = (torch.from_numpy(train), torch.from_numpy(np.sort(val)), torch.from_numpy(test))
    graph = undirected_graph(data.x.numpy(), tuple(data.edge_index.numpy()))
    return Dataset.build(name, "node-classification", "accuracy", graph, data.y, 4, {"public": [public]})


def csbm(
    name: str = "csbm",
    nodes: int = 1000,
    classes: int = 4,
    degree: float = 10.0,
    homophily: float = 0.8,
    features: int = 32,
    signal: float = 2.0,
    seed: int = 0,
) -> Dataset:
    """A contextual stochastic block model (Deshpande et al., NeurIPS 2018) with classes of one size.

    nodes * degree / 2 distinct edges; each joins two nodes of one class with probability `homophily` and two
    of different classes otherwise. Features are standard normal around the mean of the class, a random
    direction of length `signal`.
    """
    if not 0 <= homophily <= 1 or classes < 2 or nodes < 2 * classes or not 0 < degree < nodes / (2 * classes):
        raise UserError(
            "csbm: needs homophily in [0, 1], 2 classes or more and 0 < degree < nodes / (2 classes); got "
            f"homophily {homophily}, classes {classes}, degree {degree}, nodes {nodes}"
        )
    stream = Stream(seed, "csbm")
    labels = stream.permutation(nodes) % classes
    wanted = int(nodes * degree / 2)
    pairs = _block_pairs(stream, labels, classes, wanted, homophily)
    means = stream.normal(classes, features)
    means *= signal / np.linalg.norm(means, axis=1, keepdims=True)
    graph = undirected_graph(steady(means[labels] + stream.normal(nodes, features)), pairs)
    return Dataset.build(name, "node-classification", "accuracy", graph, torch.from_numpy(labels), classes)


def _block_pairs(stream: Stream, labels: NDArray[np.int64], classes: int, wanted: int, homophily: float) -> Pairs:
    """`wanted` distinct pairs of nodes, drawn in batches until there are enough."""
    members = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels, minlength=classes)
    first = np.cumsum(sizes) - sizes
    found = np.empty(0, np.int64)
    while len(found) < wanted:
        count = 2 * (wanted - len(found)) + 16
        one = stream.integers(len(labels), count)
        shift = np.where(stream.uniform(count) < homophily, 0, 1 + stream.integers(classes - 1, count))
        block = (labels[one] + shift) % classes
        other = members[first[block] + stream.integers(sizes[block], count)]
        low, high = np.minimum(one, other), np.maximum(one, other)
        codes = np.concatenate([found, (low * len(labels) + high)[low != high]])
        _, earliest = np.unique(codes, return_index=True)
        found = codes[np.sort(earliest)][:wanted]
    return found // len(labels), found % len(labels)


def undirected_graph(
    features: NDArray[np.generic],
    pairs: Sequence[NDArray[np.int64]],
    pointers: NDArray[np.int64] | None = None,
) -> Graph:
    """A graph from [nodes, width] features and the two ends of its edges, [edges] each."""
    values = torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32))
    edges = tidy_edges(torch.from_numpy(np.stack([pairs[0], pairs[1]])), len(values), undirected=True)
    return Graph.build(values, edges, None if pointers is None else torch.from_numpy(pointers))


def steady(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounded to 2^-12: without the last bits, in which the sums of two machines may differ."""
    return np.round(values * 4096.0) / 4096.0
