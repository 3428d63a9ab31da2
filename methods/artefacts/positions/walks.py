"""Uniform random walks over compressed rows (Perozzi et al., KDD 2014, algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from graph_distillery.methods.contract import Graph


@dataclass(frozen=True)
class Neighbours:
    """The undirected graph behind [2, arcs]: every edge both ways, once.

    pointers: [nodes + 1] int64; columns[pointers[i] : pointers[i + 1]] are the neighbours of node i, ascending;
    rows: [entries] int64, whose neighbour each of them is.
    """

    pointers: Tensor
    columns: Tensor
    rows: Tensor

    @classmethod
    def of(cls, graph: Graph) -> Neighbours:
        count = graph.num_nodes
        source, target = graph.edge_index
        places = torch.cat([source * count + target, target * count + source]).unique()
        rows, columns = places // max(count, 1), places % max(count, 1)
        pointers = torch.zeros(count + 1, dtype=torch.long, device=graph.device)
        torch.cumsum(torch.bincount(rows, minlength=count), 0, out=pointers[1:])
        return cls(pointers, columns, rows)

    @property
    def degrees(self) -> Tensor:
        """[nodes] int64."""
        return self.pointers.diff()


def random_walks(neighbours: Neighbours, walks: int, length: int, generator: torch.Generator) -> Tensor:
    """[walks x nodes that have a neighbour, length] int64: `walks` from each of these, pass after pass.

    Every next node is drawn uniformly from the neighbours of the last one; all walks take a step at once.
    """
    start = torch.nonzero(neighbours.degrees).flatten().repeat(walks)
    return torch.cat([start[:, None], walks_from(neighbours, start, length, generator)[:, :-1]], dim=1)


def walks_from(neighbours: Neighbours, start: Tensor, length: int, generator: torch.Generator | None = None) -> Tensor:
    """[count, length] int64: the nodes that a walk from each of `start` ([count] int64) visits, not counting that one.

    Every next node is drawn uniformly from the neighbours of the last one; a walk from a node without any stays there.
    Draws from torch's global generator where none is given.
    """
    degrees, here = neighbours.degrees, start
    found = start.new_empty(length, start.numel())
    for step in range(length):
        share = torch.rand(here.numel(), generator=generator, dtype=torch.float64, device=start.device)
        place = neighbours.pointers[here] + (share * degrees[here]).long()
        if neighbours.columns.numel():
            moved = neighbours.columns[place.clamp(max=neighbours.columns.numel() - 1)]
            here = torch.where(degrees[here] > 0, moved, here)
        found[step] = here
    return found.T.contiguous()
