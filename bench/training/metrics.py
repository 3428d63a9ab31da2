"""Scores of predictions. All are fractions in 0..1 except the negative log-likelihood (nats)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from graph_distillery.methods.contract import Task

#: Bins of the expected calibration error (Guo et al., ICML 2017, use 15).
CALIBRATION_BINS = 15


def scores(task: Task, metric: str, logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Every score that fits the task; `metric` is always among them.

    logits: [items, classes]; labels: [items] int64, or [items, labels] float in 0/1 when multi-label.

    Raises:
        FloatingPointError: the logits are not finite.
    """
    if not bool(torch.isfinite(logits).all()):
        raise FloatingPointError("the predictions are not finite")
    logits = logits.double()
    if task.multilabel:
        found = _multilabel(logits, labels)
    else:
        found = _multiclass(logits, labels)
        if metric == "roc_auc":
            found["roc_auc"] = _binary_auc(logits, labels)
    if metric not in found:
        raise ValueError(f"metric {metric!r} does not fit task {task.kind!r}")
    return found


def main_score(task: Task, metric: str, logits: Tensor, labels: Tensor) -> float:
    """The one score that training selects on; much cheaper than `scores`."""
    if metric == "accuracy" and not task.multilabel:
        return float((logits.argmax(dim=-1) == labels).double().mean())
    if metric == "micro_f1" and task.multilabel:
        return _micro_f1(logits > 0, labels > 0.5)
    return scores(task, metric, logits, labels)[metric]


def _multiclass(logits: Tensor, labels: Tensor) -> dict[str, float]:
    log_chance = torch.log_softmax(logits, dim=-1)
    confidence, predicted = log_chance.exp().max(dim=-1)
    correct = (predicted == labels).double()
    nll = -log_chance.gather(1, labels.unsqueeze(1)).mean()
    return {
        "accuracy": float(correct.mean()),
        "nll": float(nll),
        "ece": _calibration_error(confidence, correct),
    }


def _multilabel(logits: Tensor, labels: Tensor) -> dict[str, float]:
    nll = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels.double())
    return {"micro_f1": _micro_f1(logits > 0, labels > 0.5), "nll": float(nll)}


def _micro_f1(predicted: Tensor, true: Tensor) -> float:
    hits = float((predicted & true).sum())
    total = float(predicted.sum() + true.sum())
    return 2 * hits / total if total else 0.0


def _calibration_error(confidence: Tensor, correct: Tensor) -> float:
    """Expected calibration error over equal-width bins of confidence."""
    bins = (confidence * CALIBRATION_BINS).long().clamp(max=CALIBRATION_BINS - 1)
    gap = torch.zeros(CALIBRATION_BINS, dtype=torch.double, device=confidence.device)
    gap.index_add_(0, bins, correct - confidence)
    return float(gap.abs().sum() / confidence.numel())


def _binary_auc(logits: Tensor, labels: Tensor) -> float:
    """Area under the ROC curve of the second class, by ranks (ties count half)."""
    from scipy.stats import rankdata

    margin = (logits[:, 1] - logits[:, 0]).cpu().numpy()
    positive = labels.cpu().numpy() == 1
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return float("nan")
    ranks = np.asarray(rankdata(margin))
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))
