"""Graphs that a frozen teacher recognises, made from the teacher alone (Deng and Zhang, IJCAI 2021).

Every fake graph has a target class, logits of its features and a logit of each ordered pair of nodes. Features follow
the gradient through the teacher. A structure is discrete: its logits follow the ARM estimator (Yin and Zhou, ICLR
2019), which needs two forward passes and no backward one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.gfkd.padded import Layout, PaddedGraph
from graph_distillery.methods.gfkd.reading import Reader

FeatureKind = Literal["one-hot", "degree", "degree-digits"]


def arm_gradient(objective: Callable[[Tensor], Tensor], logits: Tensor, noise: Tensor) -> Tensor:
    """An unbiased estimate of the gradient in `logits` of E[objective(arcs)], arcs ~ Bernoulli(sigmoid(logits)).

    f(1[u > sigmoid(-logits)]) - f(1[u < sigmoid(logits)]), times u - 1/2 (Yin and Zhou, 2019, theorem 1), graph by
    graph. objective: bool arcs [graphs, width, width] -> [graphs]; noise: uniform on (0, 1), in the shape of `logits`.
    """
    with torch.inference_mode():
        chances = torch.sigmoid(logits)
        difference = objective(noise > 1 - chances) - objective(noise < chances)
    return difference[:, None, None] * (noise - 0.5)


def row_softmax(logits: Tensor) -> Tensor:
    """softmax of each row; over few columns, far faster on the transpose."""
    return torch.softmax(logits.t().contiguous(), dim=0).t().contiguous()


def node_entropy(chances: Tensor) -> Tensor:
    """The entropy of each row of [nodes, columns], averaged over rows; 0 for one-hot rows."""
    return torch.special.entr(chances).sum(dim=1).mean()


def degree_features(layout: Layout, arcs: Tensor, columns: int, digits: bool) -> Tensor:
    """[nodes, columns]: the number of arcs into each node, or of its binary digits, one-hot; the last column and more.

    As the social networks of TUDataset are given features here.
    """
    degrees = arcs.sum(dim=2, keepdim=True)
    values = layout.gather(degrees).flatten()
    if digits:
        values = torch.bucketize(values, 2 ** torch.arange(63, device=values.device), right=True)
    return F.one_hot(values.clamp(max=columns - 1), columns).to(torch.get_default_dtype())


@dataclass(frozen=True)
class Recipe:
    """How fake graphs are made; the hyperparameters of the methods in one shape.

    learns_structure, learns_features: what is optimised; the rest stays as it was drawn.
    stale: give the structures of the best iteration the features of the last, as the released code does.
    """

    features: FeatureKind
    undirected: bool
    learns_structure: bool = False
    learns_features: bool = False
    lr_structure: float = 0.0
    lr_features: float = 0.0
    decay: float = 1.0
    decay_every: int = 1
    bn_weight: float = 0.0
    one_hot_weight: float = 0.0
    stale: bool = False


class Inversion:
    """Fake graphs under way.

    theta: [graphs, width, width], logits of the arcs; theta[g, i, j] is of the arc from j to i.
    phi: [nodes, columns], logits of the features; None where features follow from the structure.
    targets: [graphs] int64.

    The engine moves what a method trains; these logits are no part of it but what its data are made of, gone before
    the first epoch, so the inversion takes its own steps.
    """

    def __init__(self, model: nn.Module, layout: Layout, targets: Tensor, columns: int, recipe: Recipe) -> None:
        self.layout, self.targets, self.columns, self.recipe = layout, targets, columns, recipe
        self.reader = Reader(model)
        self.theta = torch.logit(self.noise(), eps=1e-6)
        self.phi = torch.randn(layout.nodes, columns, device=targets.device) if recipe.features == "one-hot" else None
        learnt: list[dict[str, Any]] = []
        if recipe.learns_structure:
            learnt.append({"params": [self.theta], "lr": recipe.lr_structure})
        if recipe.learns_features and self.phi is not None:
            learnt.append({"params": [self.phi.requires_grad_()], "lr": recipe.lr_features})
        self.optimiser = torch.optim.Adam(learnt, fused=True) if learnt else None
        self.rates = [each["lr"] for each in learnt]
        self.iteration, self.lowest = 0, float("inf")
        self.best_arcs, self.best_phi = self.arcs(), self.phi

    def noise(self) -> Tensor:
        """Uniform on (0, 1), [graphs, width, width]; one draw for both arcs of a pair where these are the same."""
        drawn = torch.rand(self.layout.pairs.shape, device=self.targets.device)
        return drawn.tril() + drawn.tril(-1).transpose(1, 2) if self.recipe.undirected else drawn

    def arcs(self) -> Tensor:
        """The likelier state of every pair."""
        return (self.theta >= 0) & self.layout.pairs

    def graph(self, arcs: Tensor, features: Tensor | None) -> PaddedGraph:
        """The graphs with these arcs; `features` None where they follow from the arcs."""
        if features is None:
            digits = self.recipe.features == "degree-digits"
            features = degree_features(self.layout, arcs, self.columns, digits)
        return PaddedGraph(self.layout, arcs, features)

    def losses(self, arcs: Tensor, features: Tensor | None) -> Tensor:
        """[graphs]: the cross-entropy of each, plus the distance of the norms' statistics, which is of all at once."""
        logits, distance = self.reader(self.graph(arcs, features))
        return F.cross_entropy(logits, self.targets, reduction="none") + self.recipe.bn_weight * distance

    def iterate(self) -> float:
        """One step on features and structures; returns the loss before it."""
        recipe, arcs = self.recipe, self.arcs()
        features = None if self.phi is None else row_softmax(self.phi)
        with torch.set_grad_enabled(features is not None and features.requires_grad):
            loss = self.losses(arcs, features).mean()
            if features is not None:
                loss = loss + recipe.one_hot_weight * node_entropy(features)
        value = float(loss.detach())
        if value < self.lowest:
            self.lowest, self.best_arcs = value, arcs
            self.best_phi = None if self.phi is None else self.phi.detach().clone()
        if loss.requires_grad:
            assert self.phi is not None
            (gradient,) = torch.autograd.grad(loss, self.phi)
            self.phi.grad = gradient.contiguous()  # the fused Adam takes the memory as it lies, whatever the strides
        if recipe.learns_structure:
            known = None if features is None else features.detach()
            pairs = self.layout.pairs
            gradient = arm_gradient(lambda drawn: self.losses(drawn & pairs, known), self.theta, self.noise())
            self.theta.grad = gradient * pairs
        scale = recipe.decay ** (self.iteration // recipe.decay_every)
        if self.optimiser is not None:
            for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
                group["lr"] = rate * scale
            self.optimiser.step()
        self.iteration += 1
        return value

    def export(self) -> Graph:
        """The graphs of the iteration with the lowest loss, every feature row a one in its likeliest column."""
        phi = self.phi if self.recipe.stale else self.best_phi
        features = None
        if phi is not None:
            features = F.one_hot(phi.detach().argmax(dim=1), self.columns).to(torch.get_default_dtype())
        return self.graph(self.best_arcs, features).compact()
