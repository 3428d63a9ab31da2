"""One class an item, be it a node or a graph."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.task import StandIn, Task
from graph_distillery.methods.losses.logits import soft_divergence
from graph_distillery.methods.tasks.scores import accuracy, macro_f1, multiclass, ranking_auc
from graph_distillery.methods.tasks.stand_ins import rings, told_by_features

#: Graphs in the stand-in of a task whose items are graphs.
_GRAPHS = 8


class Classification(Task):
    """Cross-entropy, and the divergence of softened class distributions. Labels are [items] int64."""

    def label_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        if labels.shape[0] == 0:
            return logits.sum() * 0
        return F.cross_entropy(logits, labels)

    def divergence(self, student: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
        return soft_divergence(student, teacher, temperature)

    def constant_logits(self, labels: Tensor) -> Tensor:
        """The log of every class's frequency."""
        counts = torch.bincount(labels, minlength=self.num_classes).float()
        return torch.log(counts.clamp(min=1e-6) / counts.sum())

    def other_labels(self, labels: Tensor) -> Tensor:
        return (labels + 1) % self.num_classes

    def label_problem(self, labels: Tensor) -> str | None:
        if labels.dtype != torch.long or labels.dim() != 1:
            return f"labels are {labels.dtype} of shape {list(labels.shape)}, not int64 of one dimension"
        if labels.numel() and not (int(labels.min()) >= 0 and int(labels.max()) < self.num_classes):
            return f"labels reach from {int(labels.min())} to {int(labels.max())} with {self.num_classes} classes"
        return None

    def all_scores(self, metric: str, logits: Tensor, labels: Tensor) -> dict[str, float]:
        """Accuracy, likelihood and calibration; the area under the second class's ROC curve where it is asked for, and
        where an F1 is, both: the micro one of single classes is the accuracy."""
        found = multiclass(logits, labels)
        if metric in ("micro_f1", "macro_f1"):
            told, true = (F.one_hot(each, self.num_classes).bool() for each in (logits.argmax(dim=-1), labels))
            found |= {"micro_f1": found["accuracy"], "macro_f1": macro_f1(told, true)}
        if metric == "roc_auc":
            found["roc_auc"] = ranking_auc(logits[:, 1] - logits[:, 0], labels)
        return found

    def main_score(self, metric: str, logits: Tensor, labels: Tensor) -> float:
        return (
            accuracy(logits, labels)
            if metric in ("accuracy", "micro_f1")
            else super().main_score(metric, logits, labels)
        )

    def stand_in(self, generator: torch.Generator, size: int = 10) -> StandIn:
        """Rings whose nodes, or whose graphs, tell their class by a feature."""
        graphs = _GRAPHS if self.items.level == "graph" else 1
        graph: Graph = rings(graphs, size)
        items = torch.arange(self.items.count(graph))
        labels = items % self.num_classes
        shown = labels[graph.graph_of_node] if self.items.level == "graph" else labels
        return StandIn(graph.with_features(told_by_features(shown, self.num_classes, generator)), labels, items)
