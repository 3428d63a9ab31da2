"""Stochastic discrete Ricci flow (SDRF; Topping et al., ICLR 2022, algorithm 1): graph surgery against bottlenecks.

Each step takes the edge of lowest curvature, adds an edge beside it, drawn by how much it would raise that
curvature, and removes the edge of highest curvature if that is above a bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graph_distillery.bench.models.framelets.curvature import (
    EdgeSurroundings,
    Neighbours,
    balanced_forman,
    curvature,
    curvatures,
    neighbours_of,
    surroundings,
)

Pair = tuple[int, int]


@dataclass(frozen=True)
class Surgery:
    """steps: edges added at most; tau: how greedily (inverse temperature); bound: curvature above which one goes."""

    steps: int = 10
    tau: float = 1.0
    bound: float = 0.5
    seed: int = 0


def rewire(edges: NDArray[np.int64], nodes: int, surgery: Surgery) -> NDArray[np.int64]:
    """[2, arcs] to [2, arcs], both arcs of every edge; the same graph is always rewired alike.

    Stops early where nothing can be added beside the worst edge and nothing is above the bound.
    """
    neighbours = neighbours_of(edges, nodes)
    known = curvatures(edges, nodes)
    draw = np.random.Generator(np.random.PCG64(surgery.seed))
    for _ in range(surgery.steps if known else 0):
        worst = min(known, key=lambda pair: (known[pair], pair))
        candidates, gains = improvements(neighbours, *worst)
        if candidates:
            weights = np.exp(surgery.tau * (gains - gains.max()))
            chosen = candidates[int(draw.choice(len(candidates), p=weights / weights.sum()))]
            _change(neighbours, known, chosen, add=True)
        best = max(known, key=lambda pair: (known[pair], pair))
        above = known[best] > surgery.bound
        if above:
            _change(neighbours, known, best, add=False)
        if not candidates and not above:
            break
    pairs = np.array(sorted(known), dtype=np.int64).reshape(-1, 2).T
    arcs = np.concatenate([pairs, pairs[::-1]], axis=1)
    return np.ascontiguousarray(arcs[:, np.lexsort((arcs[1], arcs[0]))])


def improvements(neighbours: Neighbours, i: int, j: int) -> tuple[list[Pair], NDArray[np.float64]]:
    """Every edge k - l that could be added with k within one step of i and l of j, and what each would add to the
    curvature of i - j."""
    around = surroundings(neighbours, i, j)
    now = curvature(neighbours, i, j)
    gain: dict[Pair, float] = {}
    sides = ([i, j, *around.left, *around.common], [j, i, *around.right, *around.common])
    for k in sides[0]:
        free = [other for other in sides[1] if other != k and other not in neighbours[k]]
        gain.update(((min(k, other), max(k, other)), 0.0) for other in free)  # 0 unless it is counted below
    _across(around, now, gain)
    _beside(around, i, around.right, around.across, now, gain)
    _beside(around, j, around.left, around.across.T, now, gain)
    pairs = sorted(gain)
    return pairs, np.array([gain[pair] for pair in pairs])


def _across(around: EdgeSurroundings, now: float, gain: dict[Pair, float]) -> None:
    """Edges from a neighbour of i to one of j: a 4-cycle more."""
    left, right = around.across.sum(axis=1), around.across.sum(axis=0)
    rows, columns = np.nonzero(around.across == 0)
    if not rows.size or min(around.degrees) == 1:
        return
    corners = np.count_nonzero(left) + np.count_nonzero(right) + (left[rows] == 0) + (right[columns] == 0)
    most = np.maximum(max(left.max(), right.max()), np.maximum(left[rows], right[columns]) + 1)
    ric = np.asarray(balanced_forman(*around.degrees, len(around.common), corners, most))
    for row, column, value in zip(rows.tolist(), columns.tolist(), ric.tolist(), strict=True):
        k, other = around.left[row], around.right[column]
        gain[min(k, other), max(k, other)] = value - now


def _beside(
    around: EdgeSurroundings,
    end: int,
    others: list[int],
    across: NDArray[np.int64],
    now: float,
    gain: dict[Pair, float],
) -> None:
    """Edges from one end to a neighbour of the other end alone: a triangle more, and its 4-cycles gone.

    across: [neighbours of `end`, others].
    """
    if not others:
        return
    mine, theirs = across.sum(axis=1), across.sum(axis=0)
    left_over = mine[:, None] - across  # of my neighbours, once that column is gone
    corners = np.count_nonzero(left_over, axis=0) + np.count_nonzero(theirs) - (theirs > 0)
    without = np.tile(theirs, (len(others), 1))
    np.fill_diagonal(without, 0)
    most = np.maximum(left_over.max(axis=0, initial=0), without.max(axis=1))
    far = len(others) + len(around.common) + 1
    own = sum(around.degrees) - far
    ric = np.asarray(balanced_forman(own + 1, far, len(around.common) + 1, corners, most))
    for other, value in zip(others, ric.tolist(), strict=True):
        gain[min(end, other), max(end, other)] = value - now


def _change(neighbours: Neighbours, known: dict[Pair, float], pair: Pair, add: bool) -> None:
    """Add or remove an edge, and renew the curvatures that depend on it."""
    k, other = pair
    near_before = _near(neighbours, k, other)
    if add:
        neighbours[k].add(other)
        neighbours[other].add(k)
        known[pair] = 0.0
    else:
        neighbours[k].discard(other)
        neighbours[other].discard(k)
        del known[pair]
    for i, j in near_before | _near(neighbours, k, other):
        if (i, j) in known:
            known[i, j] = curvature(neighbours, i, j)


def _near(neighbours: Neighbours, k: int, other: int) -> set[Pair]:
    """Edges at either node, and those between a neighbour of one and a neighbour of the other (4-cycles)."""
    found = {(min(k, x), max(k, x)) for x in neighbours[k]} | {
        (min(other, x), max(other, x)) for x in neighbours[other]
    }
    for x in neighbours[k]:
        found |= {(min(x, y), max(x, y)) for y in neighbours[x] & neighbours[other]}
    return found
