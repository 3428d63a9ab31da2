"""Balanced Forman curvature of edges (Topping et al., ICLR 2022, definition 1), for simple undirected graphs.

For an edge i - j with degrees of at least 2:

    Ric = 2/d_i + 2/d_j - 2 + 2 T / max(d_i, d_j) + T / min(d_i, d_j) + S / (g max(d_i, d_j))

T counts triangles on the edge; S the neighbours of i or j that are corners of a 4-cycle on the edge without a
diagonal in it; g the most such 4-cycles through one of them. An edge with an end of degree 1 has curvature 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Neighbours = list[set[int]]
Counts = NDArray[Any] | np.integer[Any] | float


def neighbours_of(edges: NDArray[np.int64], nodes: int) -> Neighbours:
    """The neighbours of each node, of [2, arcs] with both arcs of an edge."""
    found: Neighbours = [set() for _ in range(nodes)]
    for source, target in edges.T.tolist():
        found[source].add(target)
    return found


@dataclass(frozen=True)
class EdgeSurroundings:
    """What the curvature of i - j depends on.

    common: triangles' corners. left, right: the other neighbours of i, of j. across: [left, right] 0/1, who of the
    left is joined to whom of the right: each is a 4-cycle.
    """

    degrees: tuple[int, int]
    common: list[int]
    left: list[int]
    right: list[int]
    across: NDArray[np.int64]

    def curvature(self) -> float:
        left, right = self.across.sum(axis=1), self.across.sum(axis=0)
        corners = np.count_nonzero(left) + np.count_nonzero(right)
        most = max(left.max(initial=0), right.max(initial=0))
        return float(balanced_forman(*self.degrees, len(self.common), corners, most))


def surroundings(neighbours: Neighbours, i: int, j: int) -> EdgeSurroundings:
    """Of an edge; neighbours in ascending order."""
    common = neighbours[i] & neighbours[j]
    left = sorted(neighbours[i] - common - {j})
    right = sorted(neighbours[j] - common - {i})
    across = np.zeros((len(left), len(right)), dtype=np.int64)
    place = {node: column for column, node in enumerate(right)}
    if place:
        for row, node in enumerate(left):
            across[row, [place[other] for other in neighbours[node] if other in place]] = 1
    return EdgeSurroundings((len(neighbours[i]), len(neighbours[j])), sorted(common), left, right, across)


def balanced_forman(d_i: Counts, d_j: Counts, triangles: Counts, corners: Counts, most: Counts) -> Counts:
    """The formula above, of numbers or of arrays."""
    high, low = np.maximum(d_i, d_j), np.minimum(d_i, d_j)
    four_cycles = np.where(np.asarray(corners) > 0, corners / (np.maximum(most, 1) * high), 0.0)
    ric = 2 / high + 2 / low - 2 + 2 * triangles / high + triangles / low + four_cycles
    return np.where(low == 1, 0.0, ric)


def curvature(neighbours: Neighbours, i: int, j: int) -> float:
    """Of the edge i - j."""
    if min(len(neighbours[i]), len(neighbours[j])) == 1:
        return 0.0
    return surroundings(neighbours, i, j).curvature()


def curvatures(edges: NDArray[np.int64], nodes: int) -> dict[tuple[int, int], float]:
    """Of every edge (i, j) with i < j, in ascending order."""
    neighbours = neighbours_of(edges, nodes)
    pairs = sorted((i, j) for i, j in edges.T.tolist() if i < j)
    return {(i, j): curvature(neighbours, i, j) for i, j in pairs}
