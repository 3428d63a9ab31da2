"""Discriminators of node states, arranged in a ring: each tells one student's states from its neighbour's."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.methods.contract.graph import Graph


class DiscriminatorRing(nn.Module):
    """One discriminator a student: graph convolutions down to a score a node, a ReLU between them.

    Discriminator i takes student i's states as real and those of student i - 1 as fake; the first one's
    predecessor is the last. All are computed side by side: a layer is one batched product and one sparse one.

    widths: of the states, of what lies between, and 1; rectified: a ReLU on the scores as well; self_loops: whether
        a convolution is D^-1/2 (A + I) D^-1/2 h W + b, or the same of A alone.
    """

    def __init__(self, count: int, widths: Sequence[int], rectified: bool, self_loops: bool) -> None:
        super().__init__()
        self.rectified, self.self_loops = rectified, self_loops
        pairs = list(pairwise(widths))
        self.weights = nn.ParameterList(_glorot(count, *pair) for pair in pairs)
        self.biases = nn.ParameterList(torch.zeros(count, 1, width) for width in widths[1:])

    def forward(self, graph: Graph, states: Tensor, frozen: bool = False, by_next: bool = False) -> Tensor:
        """[discriminators, nodes, width] -> [discriminators, nodes], scores before the sigmoid.

        frozen: give the discriminators themselves no gradient. by_next: states i are scored by discriminator i + 1.
        """
        for depth, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if depth > 0:
                states = F.relu(states)
            w, b = (weight.detach(), bias.detach()) if frozen else (weight, bias)
            if by_next:  # the weights are turned, which are few, and not the states
                w, b = w.roll(-1, 0), b.roll(-1, 0)
            states = self._propagate(graph, states @ w) + b
        scores = states.squeeze(-1)
        return F.relu(scores) if self.rectified else scores

    def discriminator_loss(self, graph: Graph, states: Tensor) -> Tensor:
        """BCE(D_i(h_i), 1) + BCE(D_i(h_{i-1}), 0), averaged over nodes, added up over the ring.

        states: [students, nodes, width]
        """
        real, fake = self(graph, states), self(graph, states, by_next=True)
        return (F.softplus(-real) + F.softplus(fake)).mean(-1).sum()

    def generator_loss(self, graph: Graph, states: Tensor) -> Tensor:
        """BCE(D_i(h_{i-1}), 1), averaged over nodes, added up over the ring; no gradient for the ring.

        states: [students, nodes, width]
        """
        return F.softplus(-self(graph, states, frozen=True, by_next=True)).mean(-1).sum()

    def _propagate(self, graph: Graph, states: Tensor) -> Tensor:
        """The convolution's matrix on the nodes of [..., nodes, width]."""
        by_node = states.movedim(-2, 0)
        rows = by_node.reshape(graph.num_nodes, -1)
        if self.self_loops:
            rows = graph.propagation("gcn") @ rows
        else:
            pointers = graph.edges_by_target[2]
            scale = pointers.diff().clamp(min=1).to(rows.dtype).rsqrt().unsqueeze(1)
            rows = scale * (graph.propagation("sum") @ (scale * rows))
        return rows.view(by_node.shape).movedim(0, -2)


def _glorot(count: int, width_in: int, width_out: int) -> Tensor:
    """[count, in, out], each Xavier-uniform by itself."""
    weight = torch.empty(count, width_in, width_out)
    for part in weight:
        nn.init.xavier_uniform_(part)
    return weight
