"""The heuristics of link prediction as controls: Newman 2001; Adamic and Adar 2003; Zhou et al. 2009; Katz 1953;
Liben-Nowell and Kleinberg 2007.

They train nothing and read no features. At inference they need the graph, of which they read the edges that a part
shows. Their scores are ranks, not logits: whatever is not 0 is told to be a link.
"""

from __future__ import annotations

from typing import TypeVar

from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Graph, Hyperparameters, Method, Output
from graph_distillery.methods.controls.heuristics import scores

H = TypeVar("H", bound=Hyperparameters)


class Heuristic(Method[H]):
    """What they share."""

    trainable = False

    def scored(self, graph: Graph, pairs: Tensor) -> Tensor:
        """[pairs] float64 scores of [pairs, 2] nodes."""
        raise NotImplementedError

    def predict(self, graph: Graph) -> Output:
        return Output(self.scored(graph, graph.asked_pairs).to(graph.dtype)[:, None])


class CommonNeighbours(Heuristic[Hyperparameters]):
    """|N(u) & N(v)| (Newman 2001)."""

    def scored(self, graph: Graph, pairs: Tensor) -> Tensor:
        return scores.common_neighbours(graph, pairs)


class AdamicAdar(Heuristic[Hyperparameters]):
    """The sum of 1 / log |N(w)| over common neighbours w (Adamic and Adar 2003)."""

    def scored(self, graph: Graph, pairs: Tensor) -> Tensor:
        return scores.adamic_adar(graph, pairs)


class ResourceAllocation(Heuristic[Hyperparameters]):
    """The sum of 1 / |N(w)| over common neighbours w (Zhou et al. 2009)."""

    def scored(self, graph: Graph, pairs: Tensor) -> Tensor:
        return scores.resource_allocation(graph, pairs)


class KatzHyperparameters(Hyperparameters):
    beta: float = Field(0.005, gt=0, lt=1, description="weight of a step")
    length: int = Field(3, ge=1, description="steps of the longest walks that count")


class Katz(Heuristic[KatzHyperparameters]):
    """The sum of beta^l times the number of walks of l steps, up to `length` (Katz 1953, cut off).

    HeaRT (Li et al., NeurIPS 2023), whose beta and length these are, counts simple paths; between nodes without an edge
    these are the walks of up to three steps.
    """

    Hyperparameters = KatzHyperparameters

    def scored(self, graph: Graph, pairs: Tensor) -> Tensor:
        return scores.katz(graph, pairs, self.hyper.beta, self.hyper.length)


class ShortestPathHyperparameters(Hyperparameters):
    longest: int = Field(6, ge=1, description="steps; nodes further apart than that have the score 0")


class ShortestPath(Heuristic[ShortestPathHyperparameters]):
    """1 / distance, 0 beyond `longest` steps (Liben-Nowell and Kleinberg 2007)."""

    Hyperparameters = ShortestPathHyperparameters

    def scored(self, graph: Graph, pairs: Tensor) -> Tensor:
        return scores.shortest_path(graph, pairs, self.hyper.longest)
