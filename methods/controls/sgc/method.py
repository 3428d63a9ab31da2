"""The student alone, reading features that were propagated over the graph once, before any training.

Wu et al., Simplifying Graph Convolutional Networks, ICML 2019. An MLP of one layer is their model; a
deeper one is what the propagation alone is worth to any student of rows.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, Graph, Hyperparameters, Method, Output, Serving


class SGCHyperparameters(Hyperparameters):
    hops: int = Field(2, ge=1, le=100, description="powers of the propagation matrix; K in the paper")


class SGC(Method[SGCHyperparameters]):
    """Cross-entropy on the labelled items, of a student that reads S^K X in the place of X."""

    Hyperparameters = SGCHyperparameters
    predicts_by_item = True
    epoch_items = "labelled"

    def inputs(self, graph: Graph) -> Graph:
        return graph.with_features(graph.node_columns["propagated_features"])

    def serving(self) -> Serving:
        return Serving("propagated_features", "instead")

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        return {"labels": self.task.label_loss(student.logits[batch.labelled], batch.labels)}
