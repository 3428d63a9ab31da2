"""CoLinkDist-MLP (Luo et al., 2021, arXiv 2106.08541), from its equations."""

from __future__ import annotations

from pydantic import Field

from graph_distillery.methods.losses.links import ContrastedArcLoss, LinkHyperparameters


class CoLinkDistHyperparameters(LinkHyperparameters):
    beta: float | None = Field(
        None,
        ge=0,
        description="beta_1 + beta_2, divided as the shares of labelled nodes and of labelled ends of arcs; null: "
        "those shares themselves",
    )


class CoLinkDistMLP(ContrastedArcLoss[CoLinkDistHyperparameters]):
    """The loss on arcs and on nodes drawn at random; a prediction is the student's own."""

    Hyperparameters = CoLinkDistHyperparameters

    def betas(self) -> tuple[float, float]:
        beta, nodes, ends = self.hyper.beta, self.known_nodes, self.known_ends
        if beta is None:
            return nodes, ends
        first = beta * nodes / (nodes + ends)
        return first, beta - first
