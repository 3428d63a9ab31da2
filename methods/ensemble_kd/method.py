"""Knowledge distillation from the mean of several teachers (Hinton, Vinyals and Dean, 2015, section 2)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, Output
from graph_distillery.methods.kd.method import KDBase, KDHyperparameters


class EnsembleKDHyperparameters(KDHyperparameters):
    mean: Literal["arithmetic", "geometric"] = Field(
        "arithmetic", description="mean of the softened distributions, or softmax of the mean softened logits"
    )


class EnsembleKD(KDBase[EnsembleKDHyperparameters]):
    """(1 - alpha) CE(y, z_s) + alpha tau^2 KL(mean of p_t || p_s), averaged over `node_set`.

    The term of the arithmetic mean is the mean of the divergences from each teacher. It is larger than the divergence
    from the mean by what the teachers disagree among themselves, a constant: gradients are the same, in every task.
    """

    Hyperparameters = EnsembleKDHyperparameters

    def divergence(self, student: Output, batch: Batch, items: Tensor) -> Tensor:
        logits, tau = student.logits[items], self.hyper.tau
        every = [teacher.logits[items] for teacher in batch.teachers]
        if self.hyper.mean == "geometric":
            every = [torch.stack(every).mean(0)]
        return torch.stack([self.task.divergence(logits, teacher, tau) for teacher in every]).mean()
