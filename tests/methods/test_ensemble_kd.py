"""The mean of several teachers, both means that the paper names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from graph_distillery.methods.contract import Batch, Method, Output, Teacher, TrainingData
from graph_distillery.methods.ensemble_kd.method import EnsembleKD
from graph_distillery.methods.kd.method import KD
from graph_distillery.methods.tasks.registry import make_task

Make = Callable[..., Method[Any]]
Softened = Callable[[Tensor, float], Tensor]


@pytest.fixture
def teachers(teacher: Teacher) -> tuple[Teacher, ...]:
    generator = torch.Generator().manual_seed(9)
    return (teacher, *(replace(teacher, logits=3 * torch.randn(12, 3, generator=generator)) for _ in range(2)))


@pytest.fixture
def logits() -> Tensor:
    return torch.randn(12, 3, generator=torch.Generator().manual_seed(1)).requires_grad_()


def batch_of(data: TrainingData, teachers: tuple[Teacher, ...]) -> Batch:
    return Batch(data.graph, torch.arange(data.num_items), data.labelled, data.labels, teachers)


@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
def test_it_pulls_as_the_divergence_from_the_mean_does(
    make: Make, data: TrainingData, teachers: tuple[Teacher, ...], softened: Softened, logits: Tensor, mean: str
) -> None:
    method = make(EnsembleKD, mean=mean, tau=2.0, alpha=0.3)
    term = method.loss(batch_of(data, teachers), Output(logits))["teacher"]
    each = torch.stack([softened(teacher.logits, 2.0) for teacher in teachers])
    if mean == "arithmetic":
        target = each.mean(0)
    else:
        target = each.log().mean(0).exp()
        target = target / target.sum(1, keepdim=True)
    q = softened(logits, 2.0)
    expected = 0.3 * 4 * (target * (target / q).log()).sum(1).mean()
    (found,), (by_hand,) = torch.autograd.grad(term, logits), torch.autograd.grad(expected, logits)
    torch.testing.assert_close(found, by_hand)
    apart = 0.3 * 4 * (each * (each / target).log()).sum(2).mean() if mean == "arithmetic" else 0.0
    torch.testing.assert_close(term.detach(), (expected + apart).detach())


def test_of_many_labels_the_mean_is_each_labels_own(
    make: Make, data: TrainingData, teachers: tuple[Teacher, ...], logits: Tensor
) -> None:
    method = make(EnsembleKD, tau=1.0, alpha=1.0)
    method.context = replace(method.context, task=make_task("node-multilabel", 3))
    term = method.divergence(Output(logits), batch_of(data, teachers), torch.arange(12))
    target = torch.stack([torch.sigmoid(teacher.logits) for teacher in teachers]).mean(0)
    expected = (torch.sigmoid(logits) - target).detach() / logits.numel()  # of binary cross-entropy with soft labels
    torch.testing.assert_close(torch.autograd.grad(term, logits)[0], expected)


def test_teachers_that_agree_are_one(make: Make, data: TrainingData, teacher: Teacher, logits: Tensor) -> None:
    for mean in ("arithmetic", "geometric"):
        several = make(EnsembleKD, mean=mean).loss(batch_of(data, (teacher, teacher)), Output(logits))
        one = make(KD).loss(batch_of(data, (teacher,)), Output(logits))
        assert several == one
