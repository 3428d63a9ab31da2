"""Real datasets that need no download: they come with a library we depend on."""

from __future__ import annotations

import numpy as np
import torch

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loaders.arrays import undirected_graph


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
