"""A set of labels a node, each told by itself."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.methods.contract.task import StandIn, Task
from graph_distillery.methods.losses.logits import binary_soft_divergence
from graph_distillery.methods.tasks.scores import macro_f1, micro_f1
from graph_distillery.methods.tasks.stand_ins import rings, told_by_features


class Multilabel(Task):
    """Binary cross-entropy, and the divergence of independent labels. Labels are [items, labels] float of 0 and 1."""

    def label_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        if labels.shape[0] == 0:
            return logits.sum() * 0
        return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))

    def divergence(self, student: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
        return binary_soft_divergence(student, teacher, temperature)

    def constant_logits(self, labels: Tensor) -> Tensor:
        """Each label's own frequency."""
        return torch.logit(labels.float().mean(dim=0), eps=1e-6)

    def other_labels(self, labels: Tensor) -> Tensor:
        return 1 - labels

    def label_problem(self, labels: Tensor) -> str | None:
        if labels.dim() != 2 or labels.shape[1] != self.num_classes or not labels.is_floating_point():
            return f"labels are {labels.dtype} of shape {list(labels.shape)}, not float [items, {self.num_classes}]"
        return None if bool(((labels == 0) | (labels == 1)).all()) else "labels are other than 0 and 1"

    def all_scores(self, metric: str, logits: Tensor, labels: Tensor) -> dict[str, float]:
        nll = F.binary_cross_entropy_with_logits(logits, labels.double())
        told, true = logits > 0, labels > 0.5
        return {"micro_f1": micro_f1(told, true), "macro_f1": macro_f1(told, true), "nll": float(nll)}

    def main_score(self, metric: str, logits: Tensor, labels: Tensor) -> float:
        if metric not in ("micro_f1", "macro_f1"):
            return super().main_score(metric, logits, labels)
        return (micro_f1 if metric == "micro_f1" else macro_f1)(logits > 0, labels > 0.5)

    def best_constant(self, metric: str, labels: Tensor) -> float:
        """Where every label is told of every item, or none."""
        return self.main_score(metric, torch.ones_like(labels), labels)

    def stand_in(self, generator: torch.Generator, size: int = 10) -> StandIn:
        """Four rings whose nodes have one label each, told by a feature."""
        graph = rings(4, size)
        items = torch.arange(graph.num_nodes)
        classes = items % self.num_classes
        labels = F.one_hot(classes, self.num_classes).float()
        return StandIn(graph.with_features(told_by_features(classes, self.num_classes, generator)), labels, items)
