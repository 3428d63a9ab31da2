"""Large graphs with a power law of degrees, generated from a seed: the sizes of ogbn-arxiv and of ogbn-products.

No entry of the registry, since whoever walks that would generate them: a spec names one as
`{python: "graph_distillery.bench.data.loaders.generated.power_law:arxiv_size", split: public}`.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.randomness import Stream
from graph_distillery.bench.errors import UserError
from graph_distillery.methods.contract.graph import Graph

#: Nodes whose features are drawn at a time, and edges.
_ROWS, _EDGES = 65_536, 8_388_608


def arxiv_size() -> Dataset:
    """169,343 nodes, 2,315,598 arcs, 128 features, 40 classes; 54 % of the nodes train, 18 % validate."""
    return power_law("arxiv-size", 169_343, 2_315_598, 128, 40, largest=13_161, shares=(0.537, 0.176))


def products_size() -> Dataset:
    """2,449,029 nodes, 60,000,000 arcs, 100 features, 47 classes; 8 % of the nodes train, 1.6 % validate."""
    return power_law("products-size", 2_449_029, 60_000_000, 100, 47, largest=17_481, shares=(0.08, 0.016))


def power_law(
    name: str = "power-law",
    nodes: int = 20_000,
    arcs: int = 200_000,
    features: int = 128,
    classes: int = 40,
    *,
    exponent: float = 2.5,
    largest: int = 10_000,
    homophily: float = 0.65,
    signal: float = 2.5,
    shares: tuple[float, float] = (0.5, 0.2),
    seed: int = 0,
) -> Dataset:
    """A graph whose degrees follow k^-exponent up to about `largest`, with classes that features and edges tell of.

    Ends of edges are drawn by expected degree (Chung and Lu, Annals of Combinatorics 2002), the second one within the
    class of the first with probability `homophily`; class c has a share proportional to (c + 2)^-0.8. Features are
    standard normal around the mean of the class, a random direction of length `signal`. Nodes stand in random order.
    Split `public`: the given shares of the nodes train and validate, the rest is the test.

    arcs: exactly so many, two for every edge, none twice and none from a node to itself.

    Raises:
        UserError: sizes that cannot be.
    """
    if nodes < 10 * classes or classes < 2 or not 0 < arcs < nodes * nodes // 16 or exponent <= 2 or sum(shares) >= 1:
        raise UserError(
            f"power_law: needs 10 nodes a class, 2 classes, an exponent above 2, parts below 1 and fewer arcs than "
            f"nodes^2 / 16; got {nodes} nodes, {arcs} arcs, {classes} classes, exponent {exponent}, shares {shares}"
        )
    stream = Stream(seed, "power-law")
    weight = np.arange(2, classes + 2, dtype=np.float64) ** -0.8
    bounds = np.round(np.cumsum(weight) / weight.sum() * nodes).astype(np.int64)
    labels = np.searchsorted(bounds, np.arange(nodes), side="right")[stream.permutation(nodes)]
    codes = _edges(stream, labels, _degrees(stream, nodes, arcs, exponent, largest), arcs // 2, homophily)
    edge_index = _both_ways(codes, nodes)
    means = stream.normal(classes, features)
    means *= signal / np.linalg.norm(means, axis=1, keepdims=True)
    made = torch.empty(nodes, features)
    for start in range(0, nodes, _ROWS):
        part = means[labels[start : start + _ROWS]]
        made[start : start + _ROWS] = torch.from_numpy(np.round((part + stream.normal(*part.shape)) * 4096.0) / 4096.0)
    order = torch.from_numpy(stream.permutation(nodes))
    ends = [round(shares[0] * nodes), round(sum(shares) * nodes)]
    train, val, test = (order[part].sort().values for part in (slice(ends[0]), slice(*ends), slice(ends[1], None)))
    graph = Graph(made, edge_index, torch.tensor([0, nodes]))
    splits = {"public": [(train, val, test)]}
    return Dataset.build(name, "node-classification", "accuracy", graph, torch.from_numpy(labels), classes, splits)


def _degrees(stream: Stream, nodes: int, arcs: int, exponent: float, largest: int) -> NDArray[np.int64]:
    """[nodes]: expected degrees of a Pareto law cut off at `largest`, at least 1, in proportion to `arcs`."""
    raw = (1.0 - stream.uniform(nodes)) ** (-1.0 / (exponent - 1.0))
    scale = arcs / nodes * (exponent - 2.0) / (exponent - 1.0)
    return np.maximum(np.minimum(raw * scale, largest), 1.0).round().astype(np.int64)


def _edges(
    stream: Stream, labels: NDArray[np.int64], degrees: NDArray[np.int64], wanted: int, homophily: float
) -> NDArray[np.int64]:
    """[wanted]: distinct edges as low end * nodes + high end, ascending."""
    nodes = len(labels)
    members = np.argsort(labels, kind="stable")
    stubs = np.repeat(members, degrees[members])  # the stubs of a class lie side by side
    sizes = np.bincount(labels, weights=degrees).astype(np.int64)
    first = np.cumsum(sizes) - sizes
    found = np.empty(0, np.int64)
    while len(found) < wanted:
        drawn = [found]
        missing = int(1.02 * (wanted - len(found))) + 16
        for start in range(0, missing, _EDGES):
            count = min(_EDGES, missing - start)
            one = stubs[stream.integers(len(stubs), count)]
            block = labels[one]
            near = first[block] + stream.integers(sizes[block], count)
            other = stubs[np.where(stream.uniform(count) < homophily, near, stream.integers(len(stubs), count))]
            low, high = np.minimum(one, other), np.maximum(one, other)
            drawn.append((low * nodes + high)[low != high])
        found = np.unique(np.concatenate(drawn))
    surplus = len(found) - wanted
    if surplus:
        left = np.ones(len(found), bool)
        left[stream.permutation(len(found))[:surplus]] = False
        found = found[left]
    return found


def _both_ways(codes: NDArray[np.int64], nodes: int) -> torch.Tensor:
    """[2, 2 · edges] int64, by source, then target."""
    both = np.concatenate([codes, codes % nodes * nodes + codes // nodes])
    both.sort()
    return torch.from_numpy(np.stack([both // nodes, both % nodes]))
