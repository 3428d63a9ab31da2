"""What a report run predicted, made ready to travel to the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from graph_distillery.bench.records.predictions import JudgedBy, PredictedPart, Predictions
from graph_distillery.bench.training.problem import TestSet
from graph_distillery.methods.contract import Task
from graph_distillery.methods.task_info import Metric
from graph_distillery.methods.tasks.metrics import METRICS

Kept = Literal["labels", "logits", "none"]


def pack_predictions(
    task: Task, metric: Metric, test: TestSet, logits: Mapping[str, Sequence[Tensor]], kept: Kept, judged_by: JudgedBy
) -> bytes | None:
    """The predictions of a test set as the bytes of a file; None where none are to be kept.

    logits: by part, [items, classes] of each prediction that was judged. Where the metric ranks, logits are kept in the
    place of labels, since the score does not follow from those.
    """
    if kept == "none":
        return None
    parts = {}
    for name, found in logits.items():
        both = torch.stack([each.detach() for each in found]).cpu()
        numbers, truth = test.numbers[name].cpu().numpy(), test.parts[name].labels.cpu()
        keep = both.numpy() if kept == "logits" or not METRICS.get(metric).of_labels else None
        if task.info.labels == "set":
            sets = (both > 0).numpy() if keep is None else None
            parts[name] = PredictedPart(numbers, label_sets=sets, logits=keep)
            continue
        labels = both.double().argmax(dim=-1) if task.info.labels == "class" else (both.squeeze(-1) > 0).long()
        right = (labels == truth).numpy()
        parts[name] = PredictedPart(numbers, labels.numpy() if keep is None else None, logits=keep, right=right)
    return Predictions(parts, judged_by).to_bytes(max(task.num_classes, 2))
