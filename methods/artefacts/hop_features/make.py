"""X, S X, ..., S^K X with S = D^-1/2 (A + I) D^-1/2 (Zhang et al. 2021, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.methods.contract import Graph


class HopFeatures:
    """The node column `hop_features`, [nodes, hops + 1, width]; normalise: rows of X have 1-norm 1 first.

    Of a graph with hidden nodes the propagation is run anew.
    """

    @staticmethod
    def make(graph: Graph, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        state = graph.dense_features()
        states = [F.normalize(state, p=1, dim=1) if settings["normalise"] else state]
        for _ in range(settings["hops"]):
            states.append(graph.propagation("gcn").matmul(states[-1]))
        return {"hop_features": torch.stack(states, dim=1)}

    @staticmethod
    def extend(
        made: Mapping[str, Tensor], graph: Graph, seen: Tensor, settings: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        return HopFeatures.make(graph, settings)
