"""LinkDist-MLP (Luo et al., 2021, arXiv 2106.08541), from its equations."""

from __future__ import annotations

from graph_distillery.methods.losses.links import ArcLoss, LinkHyperparameters


class LinkDistMLP(ArcLoss[LinkHyperparameters]):
    """The loss on arcs; a prediction is the student's own."""

    Hyperparameters = LinkHyperparameters
