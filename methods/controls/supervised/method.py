"""The student alone, trained on labels: the control that every gain is measured against."""

from __future__ import annotations

from torch import Tensor

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output


class Supervised(Method[Hyperparameters]):
    """Cross-entropy on the labelled items."""

    epoch_items = "labelled"

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        return {"labels": self.task.label_loss(student.logits[batch.labelled], batch.labels)}
