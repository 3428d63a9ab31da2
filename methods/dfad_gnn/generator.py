"""The generator of graphs, and what it learns from."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.methods.gfkd.inversion import FeatureKind, arm_gradient, degree_features
from graph_distillery.methods.gfkd.padded import Layout, PaddedGraph


class Generator(nn.Module):
    """Noise -> hidden layers with tanh and dropout -> a logit of every arc and, where asked for, of every feature.

    features: what a node's features are; only one-hot ones are generated, others follow from the arcs.
    """

    def __init__(
        self,
        noise: int,
        hidden: Sequence[int],
        nodes: int,
        columns: int,
        features: FeatureKind,
        undirected: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.noise, self.nodes, self.columns = noise, nodes, columns
        self.features, self.undirected = features, undirected
        widths = [noise, *hidden]
        layers = [
            layer
            for one, other in itertools.pairwise(widths)
            for layer in (nn.Linear(one, other), nn.Tanh(), nn.Dropout(dropout))
        ]
        self.body = nn.Sequential(*layers)
        self.arcs = nn.Linear(widths[-1], nodes * nodes)
        self.labels = nn.Linear(widths[-1], nodes * columns) if features == "one-hot" else None

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """[graphs, noise] -> logits of the arcs, [graphs, nodes, nodes], alike both ways where undirected; and of the
        features, [graphs * nodes, columns]."""
        state = self.body(z)
        arcs = self.arcs(state).view(-1, self.nodes, self.nodes)
        if self.undirected:
            arcs = (arcs + arcs.transpose(1, 2)) / 2
        return arcs, None if self.labels is None else self.labels(state).view(-1, self.columns)

    def uniform(self, like: Tensor) -> Tensor:
        """Noise on (0, 1) for every arc; one draw for both arcs of a pair where undirected."""
        drawn = torch.rand_like(like)
        return drawn.tril() + drawn.tril(-1).transpose(1, 2) if self.undirected else drawn

    def graph(self, layout: Layout, arcs: Tensor, features: Tensor | None) -> PaddedGraph:
        """The graphs with these arcs, bool; `features` None where they follow from the arcs."""
        arcs = arcs & layout.pairs
        if features is None:
            features = degree_features(layout, arcs, self.columns, self.features == "degree-digits")
        return PaddedGraph(layout, arcs, features)


def one_hot_through(logits: Tensor) -> Tensor:
    """One in each row's likeliest column; the gradient is that of the softmax (straight-through)."""
    chances = torch.softmax(logits, dim=1)
    hard = F.one_hot(logits.argmax(dim=1), logits.shape[1]).to(logits.dtype)
    return hard + (chances - chances.detach())  # the bracket is exactly 0


def structure_term(
    objective: Callable[[Tensor], Tensor], logits: Tensor, noise: Tensor, weights: Tensor | float = 1.0
) -> Tensor:
    """A scalar 0 whose gradient in `logits` estimates that of E[sum of objective], arcs ~ Bernoulli(sigmoid(logits)).

    objective: bool arcs in the shape of `logits` -> [graphs]; noise: uniform on (0, 1). See `arm_gradient`.
    weights: of each logit's gradient: 0 where no arc can be, a half where two logits stand for one draw.
    """
    gradient = arm_gradient(objective, logits.detach(), noise) * weights
    pulled = (gradient * logits).sum()
    return pulled - pulled.detach()
