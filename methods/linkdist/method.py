"""LinkDist (Luo et al., 2021, arXiv 2106.08541), from its equations."""

from __future__ import annotations

from graph_distillery.methods.losses.links import ArcLoss, LinkHyperparameters, ReadsNeighbours


class LinkDist(ReadsNeighbours[LinkHyperparameters], ArcLoss[LinkHyperparameters]):
    """The loss on arcs, and the neighbours' second head in every prediction."""

    Hyperparameters = LinkHyperparameters
