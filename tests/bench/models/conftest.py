"""Small random graphs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph

MakeGraph = Callable[..., Graph]


def _make_graph(
    nodes: int = 40,
    arcs: int = 90,
    features: int = 12,
    directed: bool = True,
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
) -> Graph:
    """A random graph with dense features. The last three nodes are isolated."""
    generator = torch.Generator().manual_seed(seed)
    edges: Tensor = torch.randint(0, nodes - 3, (2, arcs), generator=generator)
    edges = edges[:, edges[0] != edges[1]]
    if not directed:
        edges = torch.cat([edges, edges.flip(0)], dim=1)
    x = torch.randn(nodes, features, generator=generator, dtype=dtype)
    return Graph(x, edges.unique(dim=1), torch.tensor([0, nodes]))


@pytest.fixture
def make_graph() -> MakeGraph:
    return _make_graph
