"""Shapes that made-up data are built on."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph


def rings(count: int, size: int) -> Graph:
    """`count` rings of `size` nodes each as one union, both arcs of every edge; features of no width."""
    ring = torch.arange(size)
    arcs = torch.cat([torch.stack([ring, ring.roll(1)]), torch.stack([ring.roll(1), ring])], dim=1)
    edges = torch.cat([arcs + size * graph for graph in range(count)], dim=1)
    return Graph(torch.empty(size * count, 0), edges, size * torch.arange(count + 1))


def told_by_features(classes: Tensor, count: int, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """[items, count + 5]: uniform noise, and `strength` more in the column of the item's class ([items] int64)."""
    noise = torch.rand(classes.numel(), count + 5, generator=generator)
    return noise + strength * F.one_hot(classes, count + 5)
