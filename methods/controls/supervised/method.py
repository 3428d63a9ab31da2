"""The student alone, trained on labels: the control that every gain is measured against."""

from __future__ import annotations

from torch import Tensor

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output
from graph_distillery.methods.losses.logits import label_loss


class Supervised(Method[Hyperparameters]):
    """Cross-entropy on the labelled items."""

    epoch_items = "labelled"

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        return {"labels": label_loss(self.context.task, student.logits[batch.labelled], batch.labels)}
