"""The structural terms of MuGSI (Yao et al., WWW 2024, section 4): of graphs, of communities, and of walks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.methods.artefacts.positions.walks import Neighbours, walks_from
from graph_distillery.methods.contract import Graph

#: A graph needs more communities than this, or there is no relation among them to be matched.
_FEW = 2


def readout_difference(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over graphs and columns of (s / |s| - t / |t|)^2; both [graphs, width]; a row of zeros stays one."""
    return F.mse_loss(F.normalize(student, dim=1), F.normalize(teacher, dim=1))


def community_difference(student: Tensor, teacher: Tensor, graph: Graph, communities: Tensor) -> Tensor:
    """1 / graphs times the sum over graphs of half the squared Frobenius norm of cos(K_s) - cos(K_t).

    K: the mean state of each of a graph's communities, cos its [communities, communities] cosines. Graphs of up to two
    communities count 0. student, teacher: [nodes, width of each]; communities: [nodes] int64, numbered within a graph.
    """
    owner = graph.graph_of_node
    counts = torch.zeros(graph.num_graphs, dtype=torch.long, device=owner.device)
    counts = counts.scatter_reduce(0, owner, communities + 1, "amax")
    most = int(counts.max()) if counts.numel() else 0
    place, shape = owner * most + communities, (graph.num_graphs, most)
    difference = _cosines(student, place, shape) - _cosines(teacher, place, shape)
    of_graphs = difference.square().sum(dim=(1, 2)) / 2
    return of_graphs[counts > _FEW].sum() / max(graph.num_graphs, 1)


def _cosines(states: Tensor, place: Tensor, shape: tuple[int, int]) -> Tensor:
    """[graphs, most, most]: cosines among the communities' states; 0 where there is none. A mean's are a sum's."""
    sums = states.new_zeros(shape[0] * shape[1], states.shape[1]).index_add(0, place, states)
    each = F.normalize(sums, dim=1).view(*shape, -1)
    return each @ each.mT


def draw_walks(graph: Graph, count: int, length: int) -> tuple[Tensor, Tensor]:
    """Uniform random walks, `count` in each graph: [walks, length + 1] int64 nodes, and [walks] int64 graphs.

    A walk starts at any node of its graph that has a neighbour; arcs lead both ways. Graphs without edges have none.
    Draws from torch's global generator.
    """
    both: Neighbours = graph.cached("both ways", lambda: Neighbours.of(graph))
    owner, able = graph.graph_of_node, torch.nonzero(both.degrees).flatten()
    counts = torch.bincount(owner[able], minlength=graph.num_graphs)
    graphs = torch.nonzero(counts).flatten().repeat_interleave(count)
    first = (counts.cumsum(0) - counts)[graphs]
    share = torch.rand(graphs.numel(), dtype=torch.float64, device=counts.device)
    start = able[first + (share * counts[graphs]).long()]
    return torch.cat([start[:, None], walks_from(both, start, length)], dim=1), graphs


def walk_divergence(student: Tensor, teacher: Tensor, walks: Tensor, count: int, graphs: int) -> Tensor:
    """1 / graphs times the sum over graphs of KL(teacher || student), the mean over the `count` walks of each.

    Each walk's distribution is softmax over j >= 1 of h_0 . h_j, node 0 its start. student, teacher: [nodes, width of
    each]; walks: [walks, length + 1] int64.
    """
    own, other = (_log_chances(each, walks) for each in (student, teacher))
    return F.kl_div(own, other, reduction="sum", log_target=True) / (count * max(graphs, 1))


def _log_chances(states: Tensor, walks: Tensor) -> Tensor:
    """[walks, length]"""
    start, after = states[walks[:, :1]], states[walks[:, 1:]]
    return F.log_softmax((start * after).sum(dim=2), dim=1)
