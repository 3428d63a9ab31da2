"""The metrics by name: what a dataset may be judged by. Listing them loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graph_distillery.methods.registry import Registry
from graph_distillery.methods.task_info import Metric, TaskInfo


@dataclass(frozen=True)
class MetricInfo:
    """What there is to know of a metric before it is loaded; `target` is its `module:function`.

    The function takes logits, [items, classes] float64, and labels, as the dataset has them, and gives a fraction in 0
    to 1 of which more is better.

    title: as a sentence or a table's head has it. labels: the kinds of labels that it judges (`TaskInfo.labels`).
    classes: how many there must be; None: any number.
    negatives: how many items of label 0, and one of label 1, it needs; None where it needs neither.
    of_labels: whether it follows from the predicted labels alone; where not, a store keeps logits.
    """

    name: str
    title: str
    labels: tuple[Literal["class", "set", "binary"], ...]
    target: str
    classes: int | None = None
    negatives: int | None = None
    of_labels: bool = False


_SCORES = "graph_distillery.methods.tasks.scores"
_BUILT_IN = (
    MetricInfo("accuracy", "accuracy", ("class", "binary"), f"{_SCORES}:accuracy", of_labels=True),
    MetricInfo("micro_f1", "micro-F1", ("class", "set"), f"{_SCORES}:micro_f1_of_logits", of_labels=True),
    MetricInfo("macro_f1", "macro-F1", ("class", "set"), f"{_SCORES}:macro_f1_of_logits", of_labels=True),
    MetricInfo("roc_auc", "ROC AUC", ("class", "binary"), f"{_SCORES}:auc_of_logits", 2, 1),
    MetricInfo("hits_20", "Hits@20", ("binary",), f"{_SCORES}:hits_20_of_logits", 2, 20),
    MetricInfo("hits_50", "Hits@50", ("binary",), f"{_SCORES}:hits_50_of_logits", 2, 50),
    MetricInfo("mrr", "MRR", ("binary",), f"{_SCORES}:mrr_of_logits", 2, 1),
)

#: Third-party packages add metrics through this entry-point group.
METRICS: Registry[MetricInfo] = Registry("metric", lambda: _BUILT_IN, "graph_distillery.metrics")


def metrics_of(task: TaskInfo) -> tuple[Metric, ...]:
    """What a task may be judged by: its own metrics, the usual one first, and other packages' that fit it."""
    added = (info.name for info in METRICS if not info.target.startswith(_SCORES) and task.labels in info.labels)
    return (*task.metrics, *added)
