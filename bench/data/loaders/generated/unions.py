"""Generated sets of many graphs: planted motifs to classify, and a multi-label stand-in for PPI."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.edges import tidy_edges
from graph_distillery.bench.data.loaders.arrays import steady, undirected_graph
from graph_distillery.bench.data.loaders.tu.degree_features import one_hot
from graph_distillery.bench.data.randomness import Stream
from graph_distillery.bench.errors import UserError
from graph_distillery.methods.contract.graph import Graph

#: Edges of the motifs, all on five nodes so that the size of a graph says nothing about its class.
MOTIFS: dict[str, tuple[tuple[int, int], ...]] = {
    "cycle": ((0, 1), (1, 2), (2, 3), (3, 4), (0, 4)),
    "house": ((0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (1, 4)),
    "clique": tuple((one, other) for one in range(5) for other in range(one + 1, 5)),
}
MOTIF_NODES = 5
LARGEST_DEGREE = 9


def motifs(name: str = "motifs", graphs: int = 600, smallest: int = 12, largest: int = 24, noise: float = 0.1,
           seed: int = 0) -> Dataset:  # fmt: skip
    """Random trees with one planted motif each (after Ying et al., NeurIPS 2019); the class is the motif.

    A tree has `smallest` to `largest` nodes and noise * nodes further edges at random; the motif hangs on it
    by one edge. Features are the degree, one-hot, with 9 and more in one column.
    """
    if not 2 <= smallest <= largest or graphs < len(MOTIFS) or noise < 0:
        raise UserError(
            "motifs: needs 2 <= smallest <= largest, 3 graphs or more and noise >= 0; got "
            f"smallest {smallest}, largest {largest}, graphs {graphs}, noise {noise}"
        )
    stream = Stream(seed, "motifs")
    labels = stream.permutation(graphs) % len(MOTIFS)
    trees = smallest + stream.integers(largest - smallest + 1, graphs)
    pointers = np.concatenate([[0], np.cumsum(trees + MOTIF_NODES)])
    first = pointers[:-1]
    graph_of_tree_node = np.repeat(np.arange(graphs), trees)
    rank = np.arange(trees.sum()) - np.repeat(np.cumsum(trees) - trees, trees)
    base = first[graph_of_tree_node]
    grown = rank > 0
    ends = [
        (base + rank, base + stream.integers(np.maximum(rank, 1), len(rank)), grown),
        (
            base + rank,
            base + stream.integers(trees[graph_of_tree_node], len(rank)),
            stream.uniform(len(rank)) < noise,
        ),
    ]
    source = [one[kept] for one, _, kept in ends]
    target = [other[kept] for _, other, kept in ends]
    source.append(first + stream.integers(trees, graphs))
    target.append(first + trees)
    for label, edges in enumerate(MOTIFS.values()):
        corner = (first + trees)[labels == label]
        source += [corner + one for one, _ in edges]
        target += [corner + other for _, other in edges]
    nodes = int(pointers[-1])
    pairs = torch.from_numpy(np.stack([np.concatenate(source), np.concatenate(target)]))
    edge_index = tidy_edges(pairs, nodes, undirected=True)
    degree = torch.bincount(edge_index[0], minlength=nodes).clamp(max=LARGEST_DEGREE)
    graph = Graph.build(one_hot(degree, LARGEST_DEGREE + 1).to_dense(), edge_index, torch.from_numpy(pointers))
    return Dataset.build(name, "graph-classification", "accuracy", graph, torch.from_numpy(labels), len(MOTIFS))


def multi_sbm(
    name: str = "multi-sbm",
    graphs: int = 24,
    nodes: int = 2373,
    degree: float = 28.0,
    features: int = 50,
    labels: int = 121,
    communities: int = 20,
    homophily: float = 0.6,
    seed: int = 0,
) -> Dataset:
    """Stochastic block models with many labels per node, of PPI's shape; its last four graphs validate and
    test.

    Graphs have 0.5 to 1.5 times `nodes` nodes. Every node has a latent position near that of its community,
    which is the same in all graphs. Features see it through noise; labels are thresholds on the mean
    position of a node and its neighbours, so that aggregation helps. A label holds for 5 % to 50 % of all
    nodes.
    """
    if graphs < 3 or not 0 < degree < nodes / 4 or not 0 <= homophily <= 1:
        raise UserError(
            "multi-sbm: needs 3 graphs or more, 0 < degree < nodes / 4 and homophily in [0, 1]; got "
            f"graphs {graphs}, degree {degree}, nodes {nodes}, homophily {homophily}"
        )
    stream = Stream(seed, "multi-sbm")
    sizes = (nodes * (0.5 + stream.uniform(graphs))).astype(np.int64)
    pointers = np.concatenate([[0], np.cumsum(sizes)])
    graph_of_node = np.repeat(np.arange(graphs), sizes)
    community = stream.integers(communities, len(graph_of_node))
    source, target = _pairs(stream, graph_of_node, community, pointers, communities, degree, homophily)
    width = 16
    centres = stream.normal(communities, width)
    latent = centres[community] + 0.7 * stream.normal(len(community), width)
    observed = latent @ stream.normal(width, features) / 4.0 + stream.normal(len(community), features)
    graph = undirected_graph(steady(observed), (source, target), pointers)
    truth = _threshold(_neighbour_mean(graph, latent) @ stream.normal(width, labels), stream.uniform(labels))
    held = max(1, graphs // 12)
    ends = [0, int(pointers[graphs - 2 * held]), int(pointers[graphs - held]), int(pointers[graphs])]
    train, val, test = (torch.arange(ends[part], ends[part + 1]) for part in range(3))
    splits = {"graphs": [(train, val, test)]}
    return Dataset.build(name, "node-multilabel", "micro_f1", graph, torch.from_numpy(truth), labels, splits)


def _pairs(
    stream: Stream,
    graph_of_node: NDArray[np.int64],
    community: NDArray[np.int64],
    pointers: NDArray[np.int64],
    communities: int,
    degree: float,
    homophily: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """degree / 2 partners of every node in its graph, with probability homophily in its community."""
    source = np.repeat(np.arange(len(community)), max(1, round(degree / 2)))
    block = graph_of_node * communities + community
    members = np.argsort(block, kind="stable")
    counts = np.bincount(block, minlength=int(block.max()) + 1)
    first = np.cumsum(counts) - counts
    near = members[first[block[source]] + stream.integers(counts[block[source]], len(source))]
    sizes = np.diff(pointers)
    far = pointers[graph_of_node[source]] + stream.integers(sizes[graph_of_node[source]], len(source))
    return source, np.where(stream.uniform(len(source)) < homophily, near, far)


def _neighbour_mean(graph: Graph, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[nodes, width]: the mean over each node and its neighbours."""
    from scipy.sparse import coo_matrix

    source, target = graph.edge_index.numpy()
    adjacency = coo_matrix((np.ones(len(source)), (target, source)), shape=(graph.num_nodes,) * 2).tocsr()
    degree = np.bincount(target, minlength=graph.num_nodes)
    return (adjacency @ values + values) / (degree + 1)[:, None]


def _threshold(scores: NDArray[np.float64], level: NDArray[np.float64]) -> NDArray[np.float32]:
    """[nodes, labels] of 0 and 1: a share of 0.05 + 0.45 * level of the nodes has each label."""
    count = ((0.05 + 0.45 * level) * len(scores)).astype(np.int64)
    cut = np.sort(scores, axis=0)[len(scores) - count, np.arange(scores.shape[1])]
    return (scores >= cut).astype(np.float32)
