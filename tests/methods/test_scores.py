"""Scores against scikit-learn and against direct loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from graph_distillery.methods.tasks.registry import make_task
from graph_distillery.methods.tasks.scores import CALIBRATION_BINS

ONE, MANY = make_task("node-classification", 4), make_task("node-multilabel", 3)
seeds = st.integers(0, 10_000)


def drawn(seed: int, width: int, items: int = 60) -> torch.Tensor:
    """Logits on a coarse lattice, so that ties happen."""
    return torch.randn(items, width, generator=torch.Generator().manual_seed(seed)).mul(4).round() / 2


@given(seeds)
def test_multiclass_scores(seed: int) -> None:
    logits = drawn(seed, 4)
    logits += torch.rand(logits.shape, generator=torch.Generator().manual_seed(seed)) * 1e-3
    labels = torch.randint(4, (60,), generator=torch.Generator().manual_seed(seed + 1))
    labels[:40] = logits[:40].argmax(1)  # right often enough to be over-confident in some bins and not in others
    found = ONE.scores("accuracy", logits, labels)
    chances = torch.softmax(logits.double(), 1).numpy()
    assert found["accuracy"] == sk.accuracy_score(labels, chances.argmax(1))
    assert found["nll"] == pytest.approx(sk.log_loss(labels, chances, labels=range(4)), abs=1e-12)
    assert found["ece"] == pytest.approx(direct_ece(chances, labels.numpy()), abs=1e-12)
    assert ONE.main_score("accuracy", logits, labels) == found["accuracy"]


def direct_ece(chances: np.ndarray, labels: np.ndarray) -> float:
    """Guo et al., ICML 2017, equation 3, bin by bin."""
    confidence, correct = chances.max(1), chances.argmax(1) == labels
    total = 0.0
    for index in range(CALIBRATION_BINS):
        low, high = index / CALIBRATION_BINS, (index + 1) / CALIBRATION_BINS
        inside = (confidence >= low) & ((confidence < high) | (index == CALIBRATION_BINS - 1))
        if inside.any():
            total += inside.sum() / len(labels) * abs(correct[inside].mean() - confidence[inside].mean())
    return total


@given(seeds)
def test_multilabel_scores(seed: int) -> None:
    logits = drawn(seed, 3)
    labels = (torch.rand(60, 3, generator=torch.Generator().manual_seed(seed)) < 0.3).float()
    found = MANY.scores("micro_f1", logits, labels)
    assert found["micro_f1"] == pytest.approx(sk.f1_score(labels, logits > 0, average="micro"), abs=1e-12)
    chances = torch.sigmoid(logits.double())
    each = [sk.log_loss(labels[:, one], chances[:, one], labels=[0, 1]) for one in range(3)]
    assert found["nll"] == pytest.approx(sum(each) / 3, abs=1e-12)
    assert MANY.main_score("micro_f1", logits, labels) == found["micro_f1"]


@given(seeds)
def test_area_under_the_curve_with_ties(seed: int) -> None:
    task, logits = make_task("node-classification", 2), drawn(seed, 2)
    labels = torch.randint(2, (60,), generator=torch.Generator().manual_seed(seed))
    found = task.scores("roc_auc", logits, labels)
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(labels, logits[:, 1] - logits[:, 0]), abs=1e-12)
    assert task.main_score("roc_auc", logits, labels) == found["roc_auc"]


def test_the_edges() -> None:
    """Nothing to find, one class alone, certainty, and predictions that are no numbers."""
    nothing = torch.full((3, 3), -1.0)
    assert MANY.scores("micro_f1", nothing, torch.zeros(3, 3))["micro_f1"] == 0.0
    two = make_task("node-classification", 2)
    assert math.isnan(two.scores("roc_auc", torch.zeros(3, 2), torch.ones(3, dtype=torch.long))["roc_auc"])
    certain = torch.tensor([[1e4, 0.0], [0.0, 1e4]])
    assert two.scores("accuracy", certain, torch.tensor([0, 1])) == {"accuracy": 1.0, "nll": 0.0, "ece": 0.0}
    for wrong in (math.nan, math.inf):
        with pytest.raises(FloatingPointError, match="predictions are not finite"):
            two.scores("accuracy", torch.tensor([[wrong, 0.0]]), torch.tensor([0]))
    with pytest.raises(ValueError, match="metric 'roc_auc' does not fit task 'node-multilabel'"):
        MANY.scores("roc_auc", nothing, torch.zeros(3, 3))
