"""Sparse teachers: pruning and retraining (Wang et al., ECML-PKDD 2022, arXiv 2207.00586, section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, BatchSource, Hyperparameters, Method, Output, Update

Criterion = Literal["prue", "magnitude", "snip", "random"]
Layers = Literal["all", "hidden"]


class PruningHyperparameters(Hyperparameters):
    criterion: Criterion = Field("prue", description="what the weights are ranked by")
    ratio: float = Field(0.5, ge=0, lt=1, description="share of the weights that is masked; 0 is the teacher itself")
    layers: Layers = Field("all", description="which weight matrices are ranked; hidden: all but the first layer's")


class Pruning(Method[PruningHyperparameters]):
    """The teacher's own network without its least telling weights, trained again on the labels.

    With p the dense teacher's probabilities in evaluation mode and m a mask of ones on the weights, `prue` ranks by
    |dS/dm| = |w dS/dw|, S the sum over labelled items x of |mean of p_y over the items of x's class y - p_y(x)|, that
    mean a constant. All ranked matrices share one ranking. The sign of the gradient is dropped, as in the paper: the
    teacher may become more certain or less.
    """

    Hyperparameters = PruningHyperparameters
    epoch_items = "labelled"
    best_epoch = "first"  # without anything pruned every epoch is as good, and patience ends them

    def setup(self) -> None:
        self._become_the_teacher()
        self.masks: dict[str, Tensor] = {}
        if self.hyper.ratio > 0:
            self.masks = self._smallest_masked(self._scores())
            self._apply_masks()

    def _become_the_teacher(self) -> None:
        (teacher,), student = self.teachers, self.student
        assert student is not None
        if teacher.model is None:
            raise ValueError(f"teacher {teacher.name!r} comes without its network, which cannot be pruned")
        weights = teacher.model.state_dict()
        shapes, own = ({n: v.shape for n, v in state.items()} for state in (weights, student.state_dict()))
        if type(student) is not type(teacher.model) or shapes != own:
            raise ValueError(f"the student is not its teacher's model, {teacher.name} of the same layers and widths")
        student.load_state_dict(weights)

    def _ranked(self) -> dict[str, Tensor]:
        """The weight matrices that are pruned, by name."""
        assert self.student is not None
        spared = "layers.0." if self.hyper.layers == "hidden" else None
        found: dict[str, Tensor] = {
            name: value
            for name, value in self.student.named_parameters()
            if value.dim() > 1 and not (spared and name.startswith(spared))
        }
        if not found:
            raise ValueError("layers 'hidden': the teacher has one layer alone; take 'all'")
        return found

    def _scores(self) -> dict[str, Tensor]:
        ranked, criterion = self._ranked(), self.hyper.criterion
        if criterion == "magnitude":
            return {name: weight.detach().abs() for name, weight in ranked.items()}
        if criterion == "random":
            return {name: torch.rand_like(weight) for name, weight in ranked.items()}
        gradients = torch.autograd.grad(self._ranked_by(), list(ranked.values()))
        pairs = zip(ranked.items(), gradients, strict=True)
        return {name: (weight * gradient).detach().abs() for (name, weight), gradient in pairs}

    def _ranked_by(self) -> Tensor:
        """The sum over labelled items whose gradient ranks: in evaluation mode, as no step of training."""
        data = self.context.data
        assert data is not None
        self.eval()
        logits = self(data.graph).logits[data.labelled]
        self.train()
        if self.hyper.criterion == "snip":
            return data.labels.numel() * self.task.label_loss(logits, data.labels)
        of_label = logits.softmax(-1).gather(1, data.labels[:, None]).squeeze(1)
        return (self._class_means(of_label.detach(), data.labels) - of_label).abs().sum()

    def _class_means(self, values: Tensor, labels: Tensor) -> Tensor:
        """[items]: for each item the mean of `values` ([items]) over those of its label."""
        sums = values.new_zeros(self.task.num_classes).index_add(0, labels, values)
        counts = torch.bincount(labels, minlength=self.task.num_classes).clamp(min=1)
        return (sums / counts)[labels]

    def _smallest_masked(self, scores: dict[str, Tensor]) -> dict[str, Tensor]:
        """0 where a weight goes and 1 where it stays, by name."""
        every = torch.cat([score.flatten() for score in scores.values()])
        count = int(self.hyper.ratio * every.numel())
        kept = torch.ones_like(every)
        if count > 0:
            order = every.argsort(stable=True)
            kept[order[:count]] = 0.0
            if self.context.variant == "official_code":
                kept = (every > every[order[count - 1]]).to(every.dtype)
        parts = kept.split([score.numel() for score in scores.values()])
        return {name: part.view_as(score) for (name, score), part in zip(scores.items(), parts, strict=True)}

    @torch.no_grad()
    def _apply_masks(self) -> None:
        assert self.student is not None
        for name, weight in self.student.named_parameters():
            if name in self.masks:
                weight.mul_(self.masks[name])

    def batches(self, source: BatchSource) -> Iterator[Batch]:
        return super().batches(source) if self.masks else iter(())

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        return {"labels": self.task.label_loss(student.logits[batch.labelled], batch.labels)}

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        terms = super().step(batch, update)
        self._apply_masks()  # momentum and decay would move what is masked
        return terms
