"""The methods themselves."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output


class CommitteeHyperparameters(Hyperparameters):
    label_weight: float = Field(0.5, ge=0, le=1, description="share of the labels in the loss")
    temperature: float = Field(2.0, gt=0, description="softens the targets")


class Committee(Method[CommitteeHyperparameters]):
    """Cross entropy with the labels, and with the mean of the teachers' softened predictions (equation 2 there)."""

    Hyperparameters = CommitteeHyperparameters

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        t, weight = self.hyper.temperature, self.hyper.label_weight
        target = torch.stack([(teacher.logits / t).softmax(-1) for teacher in batch.teachers]).mean(0)
        labels = F.cross_entropy(student.logits[batch.labelled], batch.labels)
        taught = -(target * (student.logits / t).log_softmax(-1)).sum(-1).mean()
        return {"labels": weight * labels, "teachers": (1 - weight) * t**2 * taught}
