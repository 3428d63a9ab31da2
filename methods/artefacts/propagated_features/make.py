"""S^K X with S = D^-1/2 (A + I) D^-1/2 (Wu et al. 2019, equation 8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from graph_distillery.methods.contract import Graph


class PropagatedFeatures:
    """The node column `propagated_features`, [nodes, width] float32.

    Of a graph with hidden nodes the propagation is run anew, as the paper's is at inference: observed neighbours of a
    hidden node then have other rows than they were trained with.
    """

    @staticmethod
    def make(graph: Graph, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        propagation = graph.propagation("gcn")
        state = graph.dense_features()
        for _ in range(settings["hops"]):
            state = propagation.matmul(state)
        return {"propagated_features": state}

    @staticmethod
    def extend(
        made: Mapping[str, Tensor], graph: Graph, seen: Tensor, settings: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        return PropagatedFeatures.make(graph, settings)
