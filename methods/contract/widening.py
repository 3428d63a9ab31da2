"""Node columns as further features."""

from __future__ import annotations

import torch
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph


def beside(graph: Graph, column: str) -> Graph:
    """The graph whose features are its own, [nodes, width], with the node column's to their right.

    Made once for a graph and kept with it; the graph itself where the column has no width. Sparse features stay sparse.
    """
    rows = graph.node_columns[column]
    if rows.shape[1] == 0:
        return graph

    def make() -> Graph:
        features = graph.features
        wider = torch.cat([features, rows], 1) if isinstance(features, Tensor) else features.beside(rows)
        return graph.with_features(wider)

    return graph.cached_of_features(("beside", column), make)
