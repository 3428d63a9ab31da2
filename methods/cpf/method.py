"""CPF (Yang, Liu and Shi, WWW 2021, arXiv 2103.02885): a teacher's knowledge in an interpretable student."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, BatchSource, Hyperparameters, Method, Output, Serving
from graph_distillery.methods.contract.graph import Graph


class CPFHyperparameters(Hyperparameters):
    weight: float = Field(1.0, ge=0, description="weight of the distance, the one term there is; 0: nothing is learned")


class CPF(Method[CPFHyperparameters]):
    """The distance between the student's and the teacher's predictions on the nodes without a label; labels are given.

    `paper`: mean over unlabelled v of |h_v - p_t(v)|_2. `official_code`: the 2-norm over all of them of
    softmax(h) - p_t. h is what the student propagates, and the labels of the training nodes are clamped in it.
    """

    Hyperparameters = CPFHyperparameters

    def setup(self) -> None:
        data = self.context.data
        assert data is not None
        if data.labelled.numel() == data.num_items:
            raise ValueError("cpf learns from nodes without a label, and every training node here has one")
        classes = self.task.num_classes
        given = torch.zeros(data.num_items, classes, dtype=data.graph.dtype, device=data.graph.device)
        given[data.labelled] = F.one_hot(data.labels, classes).to(given)
        self.given = given

    def inputs(self, graph: Graph) -> Graph:
        return graph.with_columns({"given_labels": self.given}) if graph.num_nodes == len(self.given) else graph

    def serving(self) -> Serving:
        """The given labels stay with the student: it propagates them."""
        return Serving("given_labels", "column")

    def batches(self, source: BatchSource) -> Iterator[Batch]:
        return super().batches(source) if self.hyper.weight > 0 else iter(())

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        items = batch.positions("unlabelled")
        return {"teacher": self.hyper.weight * self.distance(student.logits[items], batch.teacher.logits[items])}

    def distance(self, propagated: Tensor, teacher: Tensor) -> Tensor:
        """[nodes, classes] both: what the student propagates, and the teacher's logits."""
        target = teacher.softmax(1)
        if self.context.variant == "official_code":
            return torch.linalg.vector_norm(propagated.softmax(1) - target)
        return torch.linalg.vector_norm(propagated - target, dim=1).mean()
