"""CoLinkDist (Luo et al., 2021, arXiv 2106.08541), from its equations."""

from __future__ import annotations

from graph_distillery.methods.colinkdist_mlp.method import CoLinkDistHyperparameters, CoLinkDistMLP
from graph_distillery.methods.losses.links import ReadsNeighbours


class CoLinkDist(ReadsNeighbours[CoLinkDistHyperparameters], CoLinkDistMLP):
    """`colinkdist-mlp`, and the neighbours' second head in every prediction."""
