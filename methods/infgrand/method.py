"""InfGraND (TMLR 2026, arXiv 2601.08033, equations 3 to 9): labels and arcs weighed by the influence of nodes."""

from __future__ import annotations

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output, Serving
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.losses.neighbours import NeighbourTargets


class InfGraNDHyperparameters(Hyperparameters):
    label_weight: float = Field(0.5, ge=0, le=1, description="lambda, weight of the labels; 1 - lambda on the teacher")
    temperature: float = Field(1.3, gt=0, description="tau of both distributions; without its square")
    label_base: float = Field(0.8, ge=0, description="delta_1, what every label weighs")
    label_influence: float = Field(0.1, ge=0, description="delta_2, what a label weighs by its node's influence")
    arc_base: float = Field(1.0, ge=0, description="gamma_1, what every arc weighs")
    arc_influence: float = Field(0.4, ge=0, description="gamma_2, what an arc weighs by its teacher's influence")
    hops: int = Field(2, ge=0, le=50, description="P; the student reads the mean of the features after 0 .. P hops")
    loops: int = Field(1, ge=1, le=2, description="arcs from a node to itself where features are propagated")


class InfGraND(Method[InfGraNDHyperparameters]):
    """lambda mean_i (delta_1 + delta_2 I_i) CE_i + (1 - lambda) mean_ji (gamma_1 + gamma_2 I_j) KL(p_t,j || p_s,i).

    i is a labelled node, j -> i an arc or a loop, I the influence and what the student reads of `artefacts.influence`.
    With delta_2, gamma_2 and hops 0, and temperature and the other weights 1, it is `ff-g2m` without the high
    frequencies.
    """

    Hyperparameters = InfGraNDHyperparameters
    predicts_by_item = True  # hops are a column

    def setup(self) -> None:
        hyper, data = self.hyper, self.context.data
        assert data is not None
        if hyper.label_weight == 1:
            self.epoch_items = "labelled"
            return
        places = data.graph.propagation("sum_self")
        weights = hyper.arc_base + hyper.arc_influence * data.graph.node_columns["influence"][places.columns]
        teacher = F.log_softmax(self.teachers[0].logits / hyper.temperature, dim=1)
        self.targets = NeighbourTargets.of(places, teacher, weights.to(places.values.dtype), places.values > 0)

    def forward(self, graph: Graph) -> Output:
        if self.hyper.hops > 0:
            graph = graph.with_features(graph.node_columns["pooled_features"])
        return super().forward(graph)

    def serving(self) -> Serving:
        return Serving("pooled_features", "instead") if self.hyper.hops > 0 else Serving()

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        hyper = self.hyper
        weight, logits = hyper.label_weight, student.logits[batch.labelled]
        labels = hyper.label_base * self.task.label_loss(logits, batch.labels)
        if hyper.label_influence > 0 and batch.labels.numel():
            each = F.cross_entropy(logits, batch.labels, reduction="none")
            labels = labels + hyper.label_influence * (each * self._influence(batch)).mean()
        terms = {"labels": weight * labels}
        if weight < 1:
            own = F.log_softmax(student.logits / hyper.temperature, dim=1)
            terms["arcs"] = (1 - weight) * self.targets.divergence(own, batch.items)
        return terms

    def _influence(self, batch: Batch) -> Tensor:
        """[labelled in batch]."""
        return batch.graph.node_columns["influence"][batch.labelled]
