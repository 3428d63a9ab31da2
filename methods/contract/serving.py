"""How a trained student predicts once its method is gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.widening import beside


@dataclass(frozen=True)
class Serving:
    """What the student's network reads when it predicts by itself.

    column: a node column of an artefact, [nodes, width]; None: the features alone. place: `beside` the features, or
    `instead` of them; `column` where the network reads it by its name, as the method's `inputs` gives it to the nodes
    of the training graph, which are then the only ones that it predicts.
    """

    column: str | None = None
    place: Literal["beside", "instead", "column"] = "beside"

    def read(self, graph: Graph) -> Graph:
        """The graph as the network reads it; one that it reads a column of must carry that."""
        if self.column is None or self.place == "column":
            return graph
        if self.place == "beside":
            return beside(graph, self.column)
        return graph.with_features(graph.node_columns[self.column])
