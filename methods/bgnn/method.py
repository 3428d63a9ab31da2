"""BGNN, boosting by adaptive distillation (Guo et al., AAAI 2023, arXiv 2210.05920). Reconstructed."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output
from graph_distillery.methods.losses.logits import divergences, entropies

#: Units of the network that gives temperatures.
_WIDTH = 16


class BGNNHyperparameters(Hyperparameters):
    alpha: float = Field(0.9, ge=0, le=1, description="weight of the teachers' term; 1 - alpha on the labels")
    tau_min: float = Field(1.0, gt=0, description="the least temperature of an item")
    tau_max: float = Field(4.0, gt=0, description="the greatest; equal to tau_min: one temperature, as in kd")
    boost: bool = Field(True, description="whether labels weigh more where the teachers so far were wrong")

    @model_validator(mode="after")
    def _ordered(self) -> BGNNHyperparameters:
        if self.tau_max < self.tau_min:
            raise ValueError(f"tau_max {self.tau_max:g} is below tau_min {self.tau_min:g}")
        return self


class BGNN(Method[BGNNHyperparameters]):
    """(1 - alpha) mean w_i CE_i + alpha mean tau_i^2 KL_i(p_t || p_s) at temperature tau_i, teacher after teacher.

    Teacher k of K teaches in the k-th of K equal shares of the epochs, and the state is chosen in the last. tau_i =
    tau_min + (tau_max - tau_min) sigmoid(MLP[z_t, entropy of p_t]), trained by the same loss. w is 1 at first and
    multiplied where teacher k errs on a label by exp(a), a = log((1 - e) / e) + log(classes - 1), e the weighted share
    of its errors; its mean stays 1 (SAMME, Zhu et al., 2009). A teacher no better than chance changes nothing.
    """

    Hyperparameters = BGNNHyperparameters

    def setup(self) -> None:
        hyper, data = self.hyper, self.context.data
        assert data is not None
        self.stage = 0
        self.temperatures: nn.Module | None = None
        if hyper.alpha == 0:
            self.epoch_items = "labelled"
        elif hyper.tau_min < hyper.tau_max:
            given = self.task.num_classes + 1
            self.temperatures = nn.Sequential(nn.Linear(given, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, 1))
        #: [items] a stage: what each item's label weighs there.
        self.weights = self._boosted(data.labelled, data.labels, data.num_items)

    def _boosted(self, labelled: Tensor, labels: Tensor, items: int) -> list[Tensor]:
        weight = torch.ones(labels.shape[0], device=labels.device)
        found = []
        for teacher in self.teachers:
            if self.hyper.boost:
                weight = boosted(weight, teacher.logits[labelled].argmax(1) != labels, self.task.num_classes)
            found.append(torch.ones(items, device=labels.device).index_copy(0, labelled, weight))
        return found

    def first_epoch(self, stage: int) -> int:
        """Where the share of a teacher begins."""
        return math.ceil(stage * self.context.settings.epochs / len(self.teachers))

    def on_epoch_start(self, epoch: int) -> None:
        self.stage = max(stage for stage in range(len(self.teachers)) if epoch >= self.first_epoch(stage))

    def may_be_kept(self, epoch: int) -> bool:
        taught = self.hyper.alpha > 0 or self.hyper.boost
        return not taught or epoch >= self.first_epoch(len(self.teachers) - 1)

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        hyper = self.hyper
        terms = {"labels": (1 - hyper.alpha) * self.label_term(batch, student.logits[batch.labelled])}
        if hyper.alpha > 0:
            taught = batch.teachers[self.stage].logits
            tau = self.temperature(taught)
            terms["teacher"] = hyper.alpha * (tau**2 * divergences(student.logits, taught, tau[:, None])).mean()
        return terms

    def label_term(self, batch: Batch, logits: Tensor) -> Tensor:
        if not self.hyper.boost or batch.labelled.numel() == 0:
            return self.task.label_loss(logits, batch.labels)
        weight = self.weights[self.stage][batch.items[batch.labelled]]
        return (weight * F.cross_entropy(logits, batch.labels, reduction="none")).mean()

    def temperature(self, logits: Tensor) -> Tensor:
        """[items], each within tau_min and tau_max. logits: [items, classes], the teacher's."""
        low, high = self.hyper.tau_min, self.hyper.tau_max
        if self.temperatures is None:
            return logits.new_full((logits.shape[0],), low)
        entropy = entropies(logits)[:, None]
        return low + (high - low) * torch.sigmoid(self.temperatures(torch.cat([logits, entropy], 1)).squeeze(1))


def boosted(weight: Tensor, wrong: Tensor, classes: int) -> Tensor:
    """The weights after one teacher, of mean 1. weight: [items]; wrong: [items] bool."""
    error = float((weight * wrong).sum() / weight.sum())
    if error <= 0 or error >= 1 - 1 / classes:
        return weight
    raised = torch.where(wrong, weight * (classes - 1) * (1 - error) / error, weight)
    return raised / raised.mean()
