"""Distillation along arcs: a node's student learns from the teacher's outputs at its neighbours and at itself.

The mean over arcs of KL(p_j || p_i) is linear in log p_i, so that the teacher's outputs can be added up over a node's
neighbours beforehand: a step then costs nodes x classes, whatever the number of arcs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix


@dataclass(frozen=True)
class NeighbourTargets:
    """What the teacher says around each node, added up.

    shares: [nodes, classes], the weighted sum of targets over the arcs into a node; negentropy: [nodes], the same of
    sum_c t log t of the targets; arcs: [nodes], how many there are.
    """

    shares: Tensor
    negentropy: Tensor
    arcs: Tensor

    @classmethod
    def of(cls, places: SparseMatrix, teacher: Tensor, weights: Tensor, kept: Tensor) -> NeighbourTargets:
        """Of the arcs of a matrix (target, source).

        teacher: [nodes, classes], log-probabilities; weights: [entries], what an arc's term is multiplied by, 0 where
        it is not kept; kept: [entries] bool, the arcs that are counted.
        """
        shares = teacher.exp()
        width = shares.shape[1]
        columns = torch.cat([shares, (shares * teacher).sum(dim=1, keepdim=True)], dim=1)
        found = places.matmul(columns, weights)
        return cls(found[:, :width], found[:, width], count_arcs(places, kept))

    @classmethod
    def of_all(cls, places: SparseMatrix, teacher: Tensor) -> NeighbourTargets:
        """Of every arc, each with weight 1."""
        ones = torch.ones_like(places.values)
        return cls.of(places, teacher, ones, ones.bool())

    def divergence(self, student: Tensor, nodes: Tensor) -> Tensor:
        """Mean over the arcs into some nodes ([count] int64) of weight x KL(target || p_s); a scalar.

        student: [count, classes], their log p_s.
        """
        total = self.negentropy[nodes].sum() - (self.shares[nodes] * student).sum()
        return total / self.arcs[nodes].sum().clamp(min=1)


def count_arcs(places: SparseMatrix, kept: Tensor) -> Tensor:
    """[rows], how many of the kept entries a row has, as floats."""
    values = kept.to(places.values.dtype)
    return torch.zeros(places.shape[0], dtype=values.dtype, device=values.device).index_add_(
        0, places.row_of_entry, values
    )


def loops_of(places: SparseMatrix) -> Tensor:
    """[entries] bool: the arcs of nodes to themselves."""
    return places.row_of_entry == places.columns


def difference_divergence(student: Tensor, teacher: Tensor, arcs: Tensor, temperature: float) -> Tensor:
    """Mean over arcs of KL(softmax(|z_i - z_j| / t) of the teacher || the same of the student); a scalar.

    student, teacher: [nodes, classes], logits; arcs: [2, arcs].
    """
    source, target = arcs
    if not source.numel():
        return student.sum() * 0
    own, other = (
        F.log_softmax((states[source] - states[target]).abs() / temperature, dim=1) for states in (student, teacher)
    )
    return (other.exp() * (other - own)).sum(dim=1).mean()


def one_way(graph: Graph) -> Tensor:
    """[2, arcs]: one of the two arcs of every edge where the graph is undirected, else all arcs; kept with the graph.

    What is the same for both directions then costs half.
    """
    return graph.cached("one-way", lambda: _one_way(graph.edge_index, graph.num_nodes))


def _one_way(arcs: Tensor, count: int) -> Tensor:
    there, back = arcs[0] * count + arcs[1], arcs[1] * count + arcs[0]
    undirected = torch.equal(there.sort().values, back.sort().values)
    return arcs[:, arcs[0] < arcs[1]] if undirected else arcs
