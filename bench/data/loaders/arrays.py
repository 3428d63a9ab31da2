"""Graphs from NumPy arrays, for datasets that are made rather than read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from graph_distillery.bench.data.edges import tidy_edges
from graph_distillery.methods.contract.graph import Graph


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
