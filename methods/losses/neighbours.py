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
    def of(cls, places: SparseMatrix, teacher: Tensor, weights: Tensor | None, kept: Tensor) -> NeighbourTargets:
        """Of the arcs of a matrix (target, source).

        teacher: [nodes, classes], log-probabilities; weights: [entries], what an arc's term is multiplied by, 0 where
        it is not kept, None for 1; kept: [entries] bool, the arcs that are counted.
        """
        shares = teacher.exp()
        width = shares.shape[1]
        columns = [shares, (shares * teacher).sum(dim=1, keepdim=True)]
        if weights is not None:
            found = places.matmul(torch.cat(columns, dim=1), weights)
            return cls(found[:, :width], found[:, width], count_arcs(places, kept))
        columns.append(torch.ones_like(columns[1]))  # arcs are counted by the same product
        found = places.matmul(torch.cat(columns, dim=1), kept.to(places.values.dtype))
        return cls(found[:, :width], found[:, width], found[:, width + 1])

    @classmethod
    def of_all(cls, places: SparseMatrix, teacher: Tensor) -> NeighbourTargets:
        """Of every arc, each with weight 1."""
        return cls.of(places, teacher, None, torch.ones_like(places.values, dtype=torch.bool))

    def divergence(self, student: Tensor, nodes: Tensor) -> Tensor:
        """Mean over the arcs into some nodes ([count] int64) of weight x KL(target || p_s); a scalar.

        student: [count, classes], their log p_s.
        """
        total = self.negentropy[nodes].sum() - (self.shares[nodes] * student).sum()
        return total / self.arcs[nodes].sum().clamp(min=1)


def count_arcs(places: SparseMatrix, kept: Tensor) -> Tensor:
    """[rows], how many of the kept entries a row has, as floats."""
    before = F.pad(kept.cumsum(0), (1, 0))
    return before[places.row_pointers].diff().to(places.values.dtype)


def loops_of(places: SparseMatrix) -> Tensor:
    """[entries] bool: the arcs of nodes to themselves."""
    return places.row_of_entry == places.columns


@dataclass(frozen=True)
class DifferenceTargets:
    """How a teacher's logits differ at the two ends of each arc.

    shares: [classes, arcs], softmax(|z_i - z_j| / t); negentropy: scalar, the sum of share log share over all of them.
    Classes come first, since torch's softmax over the last of few columns takes fifteen times as long.
    """

    shares: Tensor
    negentropy: Tensor

    @classmethod
    def of(cls, logits: Tensor, arcs: Tensor, temperature: float) -> DifferenceTargets:
        """Of [nodes, classes] logits and [2, arcs]."""
        log = _log_differences(logits, arcs, temperature)
        shares = log.exp()
        return cls(shares, (shares * log).sum())

    def divergence(self, student: Tensor, arcs: Tensor, temperature: float) -> Tensor:
        """Mean over the arcs of KL(share || the same of the student's logits, [nodes, classes]); a scalar."""
        if not arcs.shape[1]:
            return student.sum() * 0
        cross = (self.shares * _log_differences(student, arcs, temperature)).sum()
        return (self.negentropy - cross) / arcs.shape[1]


def difference_divergence(student: Tensor, teacher: Tensor, arcs: Tensor, temperature: float) -> Tensor:
    """Mean over arcs of KL(softmax(|z_i - z_j| / t) of the teacher || the same of the student); a scalar.

    student, teacher: [nodes, classes], logits; arcs: [2, arcs].
    """
    return DifferenceTargets.of(teacher, arcs, temperature).divergence(student, arcs, temperature)


def _log_differences(logits: Tensor, arcs: Tensor, temperature: float) -> Tensor:
    """[classes, arcs]: log softmax(|z_i - z_j| / t)."""
    source, target = arcs
    states = logits.T.contiguous()
    apart = states.index_select(1, source) - states.index_select(1, target)
    return F.log_softmax(apart.abs() / temperature, dim=0)


def one_way(graph: Graph) -> Tensor:
    """[2, arcs]: one of the two arcs of every edge where the graph is undirected, else all arcs; kept with the graph.

    What is the same for both directions then costs half.
    """
    return graph.cached("one-way", lambda: _one_way(graph.edge_index, graph.num_nodes))


def _one_way(arcs: Tensor, count: int) -> Tensor:
    there, back = arcs[0] * count + arcs[1], arcs[1] * count + arcs[0]
    undirected = torch.equal(there.sort().values, back.sort().values)
    return arcs[:, arcs[0] < arcs[1]] if undirected else arcs
