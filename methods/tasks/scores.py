"""Scores of predictions. All are fractions in 0..1 except the negative log-likelihood (nats)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

#: Bins of the expected calibration error (Guo et al., ICML 2017, use 15).
CALIBRATION_BINS = 15


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """The share of items whose largest logit is the label's; [items, classes] and [items]. One column is of label 1."""
    told = logits.argmax(dim=-1) if logits.shape[-1] > 1 else (logits[:, 0] > 0).long()
    return float((told == labels).double().mean())


def multiclass(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Accuracy, negative log-likelihood and calibration error; [items, classes] float64 and [items] int64."""
    log_chance = torch.log_softmax(logits, dim=-1)
    confidence, predicted = log_chance.exp().max(dim=-1)
    correct = (predicted == labels).double()
    nll = -log_chance.gather(1, labels.unsqueeze(1)).mean()
    return {
        "accuracy": float(correct.mean()),
        "nll": float(nll),
        "ece": calibration_error(confidence, correct),
    }


def micro_f1(predicted: Tensor, true: Tensor) -> float:
    """Over all labels of all items, [items, labels] bool each; 0 where there is none."""
    hits = float((predicted & true).sum())
    total = float(predicted.sum() + true.sum())
    return 2 * hits / total if total else 0.0


def macro_f1(predicted: Tensor, true: Tensor) -> float:
    """The mean of the labels' own F1, [items, labels] bool each; a label that is neither told nor true counts 0."""
    hits = (predicted & true).sum(0).double()
    total = predicted.sum(0) + true.sum(0)
    return float((2 * hits / total.clamp(min=1)).mean())


def micro_f1_of_logits(logits: Tensor, labels: Tensor) -> float:
    """`micro_f1` of [items, classes] logits: of sets of labels, or of one class an item."""
    return micro_f1(*_as_sets(logits, labels))


def macro_f1_of_logits(logits: Tensor, labels: Tensor) -> float:
    """`macro_f1` likewise."""
    return macro_f1(*_as_sets(logits, labels))


def auc_of_logits(logits: Tensor, labels: Tensor) -> float:
    """`ranking_auc` of [items, 2] logits, or of [items, 1] scores."""
    return ranking_auc(logits[:, -1] - logits[:, 0] if logits.shape[1] > 1 else logits[:, 0], labels)


def hits_20_of_logits(logits: Tensor, labels: Tensor) -> float:
    """`hits_at` 20, of [pairs, 1] scores."""
    return hits_at(20, logits[:, 0], labels)


def hits_50_of_logits(logits: Tensor, labels: Tensor) -> float:
    """`hits_at` 50, of [pairs, 1] scores."""
    return hits_at(50, logits[:, 0], labels)


def mrr_of_logits(logits: Tensor, labels: Tensor) -> float:
    """`mean_reciprocal_rank` of [pairs, 1] scores."""
    return mean_reciprocal_rank(logits[:, 0], labels)


def _as_sets(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    if labels.dim() > 1:
        return logits > 0, labels > 0.5
    told, true = (torch.nn.functional.one_hot(e, logits.shape[1]).bool() for e in (logits.argmax(dim=-1), labels))
    return told, true


def calibration_error(confidence: Tensor, correct: Tensor) -> float:
    """Expected calibration error over equal-width bins of confidence; [items] each."""
    bins = (confidence * CALIBRATION_BINS).long().clamp(max=CALIBRATION_BINS - 1)
    gap = torch.zeros(CALIBRATION_BINS, dtype=torch.double, device=confidence.device)
    gap.index_add_(0, bins, correct - confidence)
    return float(gap.abs().sum() / confidence.numel())


def hits_at(count: int, scores: Tensor, labels: Tensor) -> float:
    """The share of positives that score above the `count`-th best negative, as OGB's Hits@K; [pairs] each.

    A tie goes against the positive. Where there are fewer negatives than that every positive is a hit.
    """
    positive, negative = scores[labels == 1], scores[labels == 0]
    if negative.numel() < count:
        return 1.0
    return float((positive > negative.topk(count).values[-1]).double().mean())


def mean_reciprocal_rank(scores: Tensor, labels: Tensor) -> float:
    """The mean of 1 / rank of each positive among all negatives ([pairs] each); a tie goes against the positive."""
    positive, negative = scores[labels == 1], scores[labels == 0].sort().values
    above = negative.numel() - torch.searchsorted(negative, positive)
    return float((1 / (1 + above.double())).mean())


def ranking_auc(margin: Tensor, labels: Tensor) -> float:
    """Area under the ROC curve, by ranks (ties count half); [items] each. NaN where one class is missing."""
    from scipy.stats import rankdata

    positive = labels.cpu().numpy() == 1
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return float("nan")
    ranks = np.asarray(rankdata(margin.cpu().numpy()))
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))
