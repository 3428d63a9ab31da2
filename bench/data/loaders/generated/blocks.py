"""Contextual stochastic block models, generated from a seed."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loaders.arrays import steady, undirected_graph
from graph_distillery.bench.data.randomness import Stream
from graph_distillery.bench.errors import UserError

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


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
