"""Scores of pairs from the edges, taken as undirected: in blocks of pairs or of sources, never all nodes by all nodes.

All give [pairs] float64 for [pairs, 2] int64 nodes, and are symmetric in their ends.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from graph_distillery.methods.artefacts.positions.walks import Neighbours
from graph_distillery.methods.contract.columns import expand
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix

#: Neighbours, or nodes times sources, that are looked at at once.
_BLOCK = 1 << 22


def neighbours_of(graph: Graph) -> Neighbours:
    """Made once for a graph's edges."""
    return graph.cached("neighbours", lambda: Neighbours.of(graph))


def common_neighbours(graph: Graph, pairs: Tensor) -> Tensor:
    """How many neighbours both ends have in common."""
    return _shared(graph, pairs, torch.ones(graph.num_nodes, dtype=torch.double, device=graph.device))


def adamic_adar(graph: Graph, pairs: Tensor) -> Tensor:
    """The sum of 1 / log(degree) over common neighbours; one of degree 1, which only a node has with itself, adds 0."""
    degrees = neighbours_of(graph).degrees.double()
    return _shared(graph, pairs, torch.where(degrees > 1, 1 / degrees.clamp(min=2).log(), 0.0))


def resource_allocation(graph: Graph, pairs: Tensor) -> Tensor:
    """The sum of 1 / degree over common neighbours."""
    return _shared(graph, pairs, 1 / neighbours_of(graph).degrees.clamp(min=1).double())


def katz(graph: Graph, pairs: Tensor, beta: float, length: int) -> Tensor:
    """The sum of beta^l times the number of walks of l steps between both ends, l from 1 to `length`."""

    def walked(matrix: SparseMatrix, start: Tensor) -> Tensor:
        here, total = start, torch.zeros_like(start)
        for _ in range(length):
            here = beta * (matrix @ here)
            total += here
        return total

    return _by_source(graph, pairs, walked)


def shortest_path(graph: Graph, pairs: Tensor, longest: int) -> Tensor:
    """1 / distance; 0 where that is above `longest`, 1 for a node and itself."""

    def reached(matrix: SparseMatrix, start: Tensor) -> Tensor:
        front, seen, found = start, start > 0, start.clone()
        for step in range(1, longest + 1):
            fresh = (matrix @ front > 0) & ~seen
            if not bool(fresh.any()):
                break
            found[fresh], seen, front = 1 / step, seen | fresh, fresh.double()
        return found

    return _by_source(graph, pairs, reached)


def _shared(graph: Graph, pairs: Tensor, weight: Tensor) -> Tensor:
    """The sum of `weight` ([nodes]) over the common neighbours: those of the end that has fewer, looked up."""
    neighbours, nodes = neighbours_of(graph), graph.num_nodes
    arcs = graph.cached("neighbours by number", lambda: neighbours.rows * nodes + neighbours.columns)
    degrees = neighbours.degrees[pairs]
    swapped = (degrees[:, 0] > degrees[:, 1])[:, None]
    fewer, other = torch.where(swapped, pairs.flip(1), pairs).T
    found = torch.zeros(pairs.shape[0], dtype=torch.double, device=pairs.device)
    blocks = torch.div(degrees.amin(dim=1).cumsum(0), _BLOCK, rounding_mode="floor")
    for block in torch.arange(pairs.shape[0], device=pairs.device).split(
        blocks.unique_consecutive(return_counts=True)[1].tolist()
    ):
        places, pointers = expand(neighbours.pointers, fewer[block])
        owner = torch.repeat_interleave(block, pointers.diff())
        between = neighbours.columns[places]
        wanted = other[owner] * nodes + between
        at = torch.searchsorted(arcs, wanted).clamp(max=max(arcs.numel() - 1, 0))
        joined = arcs[at] == wanted if arcs.numel() else torch.zeros_like(wanted, dtype=torch.bool)
        found.index_add_(0, owner[joined], weight[between[joined]])
    return found


def _by_source(graph: Graph, pairs: Tensor, spread: Callable[[SparseMatrix, Tensor], Tensor]) -> Tensor:
    """What `spread` makes of one column a source, [nodes, sources], read off at the other ends."""
    neighbours, nodes = neighbours_of(graph), graph.num_nodes
    values = torch.ones(neighbours.columns.numel(), dtype=torch.double, device=graph.device)
    matrix = SparseMatrix(neighbours.pointers, neighbours.columns, values, (nodes, nodes))
    sources, which = pairs[:, 0].unique(return_inverse=True)
    order, found = (
        torch.argsort(which, stable=True),
        torch.empty(pairs.shape[0], dtype=torch.double, device=pairs.device),
    )
    width = max(1, _BLOCK // max(nodes, 1))
    for first in range(0, sources.numel(), width):
        block = sources[first : first + width]
        start = torch.zeros(nodes, block.numel(), dtype=torch.double, device=pairs.device)
        start[block, torch.arange(block.numel(), device=pairs.device)] = 1
        low, high = torch.searchsorted(which[order], torch.tensor([first, first + width], device=pairs.device)).tolist()
        mine = order[low:high]
        found[mine] = spread(matrix, start)[pairs[mine, 1], which[mine] - first]
    return found
