"""Nearest neighbours within each graph of a union, found in blocks of padded graphs; no loop over graphs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix

#: Distances that are held at a time.
BLOCK = 1 << 24


@dataclass(frozen=True)
class Neighbours:
    """The nearest nodes of every node, itself among them.

    indices: [nodes, k] int64, ascending; in a graph of fewer than k nodes the last columns repeat the first.
    counts: [nodes] int64, how many columns count: k, or the size of a smaller graph.
    """

    indices: Tensor
    counts: Tensor

    @property
    def places(self) -> SparseMatrix:
        """[nodes, nodes] with a one at (i, j) where j is a neighbour of i."""
        nodes, k = self.indices.shape
        pointers = torch.zeros(nodes + 1, dtype=torch.long, device=self.indices.device)
        torch.cumsum(self.counts, 0, out=pointers[1:])
        columns = self.indices[torch.arange(k, device=self.indices.device) < self.counts[:, None]]
        return SparseMatrix(pointers, columns, torch.ones(columns.numel(), device=columns.device), (nodes, nodes))

    @property
    def arcs(self) -> Tensor:
        """[2, arcs] int64 from neighbour to node, as in `Graph.edge_index`: without a node's arc to itself."""
        nodes, k = self.indices.shape
        device = self.indices.device
        targets = torch.arange(nodes, device=device)[:, None].expand(-1, k)
        kept = (torch.arange(k, device=device) < self.counts[:, None]) & (self.indices != targets)
        return torch.stack([self.indices[kept], targets[kept]])


@torch.no_grad()
def nearest(x: Tensor, graph: Graph, k: int) -> Neighbours:
    """The k nearest in Euclidean distance within its graph, for every row of x, [nodes, width]."""
    sizes = graph.graph_pointers.diff()
    largest = int(sizes.max()) if sizes.numel() else 0
    k = min(k, largest)
    if k == 0:
        return Neighbours(x.new_zeros((x.shape[0], 0), dtype=torch.long), sizes.new_zeros(x.shape[0]))
    owner, starts = graph.graph_of_node, graph.graph_pointers[:-1]
    place = torch.arange(x.shape[0], device=x.device) - starts[owner]
    if bool((sizes == largest).all()):
        padded = x.view(-1, largest, x.shape[1])
    else:
        padded = x.new_zeros(sizes.numel(), largest, x.shape[1])
        padded[owner, place] = x
    found = torch.cat([_nearest_of(block, count, k) for block, count in _blocks(padded, sizes)])
    indices = found[owner, place] + starts[owner, None]
    counts = sizes[owner].clamp(max=k)
    if bool((counts == k).all()):
        return Neighbours(indices.sort(dim=1).values, counts)
    counted = torch.arange(k, device=x.device) < counts[:, None]
    indices = indices.masked_fill(~counted, x.shape[0]).sort(dim=1).values
    return Neighbours(torch.where(counted, indices, indices[:, :1]), counts)


def _blocks(padded: Tensor, sizes: Tensor) -> list[tuple[Tensor, Tensor]]:
    count = max(1, BLOCK // padded.shape[1] ** 2)
    return list(zip(padded.split(count), sizes.split(count), strict=True))


def _nearest_of(padded: Tensor, sizes: Tensor, k: int) -> Tensor:
    """[graphs, largest, k] places within each graph, nearest first where a graph has fewer than k nodes."""
    squares = padded.square().sum(dim=2)
    # |x_i|^2 is left out: it is the same for all candidates of node i.
    padding = torch.arange(padded.shape[1], device=padded.device) >= sizes[:, None]
    squares = squares.masked_fill(padding, torch.inf)[:, None, :]
    rows = padded.split(max(1, BLOCK // padded.shape[1]), dim=1)
    found = [
        torch.baddbmm(squares, block, padded.transpose(1, 2), alpha=-2).topk(k, largest=False).indices for block in rows
    ]
    return torch.cat(found, dim=1)
