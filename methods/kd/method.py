"""Knowledge distillation from logits (Hinton, Vinyals and Dean, 2015, section 2)."""

from __future__ import annotations

from typing import TypeVar

from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, NodeSet, Output


class KDHyperparameters(Hyperparameters):
    alpha: float = Field(0.9, ge=0, le=1, description="weight of the teacher's term; 1 - alpha on the labels")
    tau: float = Field(4.0, gt=0, description="temperature of both distributions")
    node_set: NodeSet = Field("observed", description="the items that the teacher's term acts on")


KDH = TypeVar("KDH", bound=KDHyperparameters)


class KDBase(Method[KDH]):
    """What `kd` and those that have its loss from other teachers share."""

    def setup(self) -> None:
        if self.hyper.alpha == 0:
            self.epoch_items = "labelled"
        data = self.context.data
        assert data is not None
        if self.hyper.node_set == "unlabelled" and data.labelled.numel() == data.num_items:
            raise ValueError("node_set 'unlabelled': every training item here has a label; take 'observed'")

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        hyper = self.hyper
        terms = {"labels": (1 - hyper.alpha) * self.task.label_loss(student.logits[batch.labelled], batch.labels)}
        if hyper.alpha > 0:
            acted_on = batch.positions(hyper.node_set)
            terms["teacher"] = hyper.alpha * hyper.tau**2 * self.divergence(student, batch, acted_on)
        return terms

    def divergence(self, student: Output, batch: Batch, items: Tensor) -> Tensor:
        """The softened divergence on these items of the batch ([count] int64), averaged over them."""
        logits, taught = student.logits, batch.teacher.logits
        if items.numel() < batch.items.numel():  # of all of them nothing need be gathered
            logits, taught = logits[items], taught[items]
        return self.task.divergence(logits, taught, self.hyper.tau)


class KD(KDBase[KDHyperparameters]):
    """(1 - alpha) CE(y, z_s) + alpha tau^2 KL(p_t || p_s), the softened term averaged over `node_set`."""

    Hyperparameters = KDHyperparameters
