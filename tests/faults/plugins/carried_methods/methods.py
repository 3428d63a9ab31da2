"""The methods themselves."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output, Update


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


class PruningHyperparameters(Hyperparameters):
    sparsity: float = Field(0.5, ge=0, lt=1, description="share of each weight matrix that is set to zero")


class MagnitudePruning(Method[PruningHyperparameters]):
    """The teacher without its smallest weights, retrained on the labels with those held at zero (Han et al. 2015)."""

    Hyperparameters = PruningHyperparameters
    epoch_items = "labelled"

    def setup(self) -> None:
        (teacher,), student = self.teachers, self.student
        assert student is not None
        assert teacher.model is not None
        student.load_state_dict(teacher.model.state_dict())
        self.kept = {}
        for name, weight in student.named_parameters():
            if weight.dim() > 1:
                smallest = weight.detach().abs().flatten().argsort()[: int(self.hyper.sparsity * weight.numel())]
                kept = torch.ones(weight.numel(), device=weight.device)
                kept[smallest] = 0.0
                self.kept[name] = kept.view_as(weight)
        self._prune()

    @torch.no_grad()
    def _prune(self) -> None:
        assert self.student is not None
        for name, weight in self.student.named_parameters():
            if name in self.kept:
                weight.mul_(self.kept[name])

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        return {"labels": F.cross_entropy(student.logits[batch.labelled], batch.labels)}

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        terms = super().step(batch, update)
        self._prune()
        return terms


class PrunedKDHyperparameters(Hyperparameters):
    label_weight: float = Field(0.5, ge=0, le=1, description="share of the labels in the loss")
    teacher_sparsity: float = Field(0.5, ge=0, lt=1, description="how sparse the teacher is made")


class PrunedKD(Method[PrunedKDHyperparameters]):
    """Distillation from a teacher that was pruned and retrained."""

    Hyperparameters = PrunedKDHyperparameters

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        weight = self.hyper.label_weight
        labels = F.cross_entropy(student.logits[batch.labelled], batch.labels)
        taught = F.cross_entropy(student.logits, batch.teacher.logits.softmax(-1))
        return {"labels": weight * labels, "teacher": (1 - weight) * taught}
