"""What computes an artefact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor

from graph_distillery.methods.contract.graph import Graph


class ArtefactMaker(Protocol):
    """Two functions of graphs, without labels; the same input gives the same bits on every machine."""

    @staticmethod
    def make(graph: Graph, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        """From the observed graph alone: in the inductive setting hidden nodes are not in it."""
        ...

    @staticmethod
    def extend(
        made: Mapping[str, Tensor], graph: Graph, seen: Tensor, settings: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        """The columns on a graph that holds other nodes: the one with the hidden nodes, or graphs that are judged.

        made: what `make` returned. seen: [nodes] int64, where each node of `graph` stands in the observed graph, -1
        where it does not. Called when a prediction on `graph` is judged, never before.
        """
        ...
