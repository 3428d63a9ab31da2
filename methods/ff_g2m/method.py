"""FF-G2M (Wu et al., AAAI 2023, equations 8 to 11): low and high frequencies of a teacher's outputs over arcs."""

from __future__ import annotations

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output
from graph_distillery.methods.losses.neighbours import DifferenceTargets, NeighbourTargets, one_way


class FFG2MHyperparameters(Hyperparameters):
    label_weight: float = Field(0.5, ge=0, le=1, description="lambda, weight of the labels; 1 - lambda on the teacher")
    temperature: float = Field(1.3, gt=0, description="of the high frequencies; the low have none")
    high_weight: float = Field(1.0, ge=0, description="weight of the high frequencies against the low; the paper has 1")


class FFG2M(Method[FFG2MHyperparameters]):
    """lambda CE + (1 - lambda) (low + high).

    low: mean over arcs j -> i and loops of KL(p_t,j || p_s,i), at temperature 1. high: mean over arcs of
    KL(softmax(|z_t,i - z_t,j| / tau) || softmax(|z_s,i - z_s,j| / tau)). No square of the temperature stands anywhere.
    In mini-batches the high frequencies are those of the arcs within a batch. Edges are read in training alone. (The
    released code reports the test score of the best epoch and never goes back to it; here the state is restored.)
    """

    Hyperparameters = FFG2MHyperparameters

    def setup(self) -> None:
        if self.hyper.label_weight == 1:
            self.epoch_items = "labelled"
            return
        data = self.context.data
        assert data is not None
        self.needs_edges = self.hyper.high_weight > 0
        teacher = F.log_softmax(self.teachers[0].logits, dim=1)
        self.differences: DifferenceTargets | None = None
        self.low = NeighbourTargets.of_all(data.graph.propagation("sum_self"), teacher)

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        hyper = self.hyper
        weight = hyper.label_weight
        terms = {"labels": weight * self.task.label_loss(student.logits[batch.labelled], batch.labels)}
        if weight == 1:
            return terms
        own = F.log_softmax(student.logits, dim=1)
        terms["low"] = (1 - weight) * self.low.divergence(own, batch.items)
        if hyper.high_weight:
            arcs = one_way(batch.graph)
            high = self._differences(batch, arcs).divergence(student.logits, arcs, hyper.temperature)
            terms["high"] = (1 - weight) * hyper.high_weight * high
        return terms

    def _differences(self, batch: Batch, arcs: Tensor) -> DifferenceTargets:
        """The teacher's along the arcs of a batch; of the whole graph they are kept."""
        data = self.context.data
        assert data is not None
        if batch.graph is not data.graph:
            return DifferenceTargets.of(batch.teacher.logits, arcs, self.hyper.temperature)
        if self.differences is None:
            self.differences = DifferenceTargets.of(batch.teacher.logits, arcs, self.hyper.temperature)
        return self.differences
