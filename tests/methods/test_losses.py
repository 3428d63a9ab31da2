"""The shared loss terms against their definitions."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graph_distillery.methods.losses.logits import binary_soft_divergence, soft_divergence
from graph_distillery.methods.tasks.registry import make_task

numbers = st.floats(-8, 8)


def test_two_classes_by_hand() -> None:
    """Teacher (3/4, 1/4), student (1/2, 1/2): KL = 3/4 ln 3/2 + 1/4 ln 1/2."""
    teacher = torch.tensor([[math.log(3.0), 0.0]], dtype=torch.float64)
    divergence = soft_divergence(torch.zeros(1, 2, dtype=torch.float64), teacher)
    assert float(divergence) == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5), abs=1e-15)


@given(st.lists(st.tuples(numbers, numbers, numbers, numbers), min_size=1, max_size=4), st.floats(0.3, 9))
def test_divergence_is_its_definition(rows: list[tuple[float, ...]], tau: float) -> None:
    student = torch.tensor(rows, dtype=torch.float64)
    teacher = student.flip(1).sin() * 4
    p, q = torch.softmax(teacher / tau, 1), torch.softmax(student / tau, 1)
    expected = (p * (p.log() - q.log())).sum(dim=1).mean()
    torch.testing.assert_close(soft_divergence(student, teacher, tau), expected, atol=1e-12, rtol=1e-9)
    assert float(soft_divergence(teacher, teacher, tau)) == pytest.approx(0, abs=1e-12)


def test_hot_gradient_is_that_of_matching_logits() -> None:
    """Hinton et al. 2015, section 2.1: tau^2 times the gradient tends to (centred z - centred v) / classes."""
    generator = torch.Generator().manual_seed(0)
    student = torch.randn(6, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(6, 5, generator=generator, dtype=torch.float64)
    tau = 1e5
    (gradient,) = torch.autograd.grad(tau**2 * soft_divergence(student, teacher, tau), student)
    centred = (student - student.mean(1, keepdim=True)) - (teacher - teacher.mean(1, keepdim=True))
    torch.testing.assert_close(gradient, centred.detach() / 5 / 6, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("labels", [2, 3])
@pytest.mark.parametrize("tau", [1.0, 2.5])
def test_binary_divergence_is_that_of_the_label_vectors(labels: int, tau: float) -> None:
    """Summed over all 2^labels vectors, whose chance is a product of Bernoullis; the share of one label."""
    generator = torch.Generator().manual_seed(labels)
    student, teacher = (2 * torch.randn(4, labels, generator=generator, dtype=torch.float64) for _ in range(2))
    q, p = torch.sigmoid(student / tau), torch.sigmoid(teacher / tau)
    expected = torch.zeros(4, dtype=torch.float64)
    for vector in itertools.product([0.0, 1.0], repeat=labels):
        on = torch.tensor(vector, dtype=torch.float64)
        chance_p = (on * p + (1 - on) * (1 - p)).prod(dim=1)
        chance_q = (on * q + (1 - on) * (1 - q)).prod(dim=1)
        expected += chance_p * (chance_p / chance_q).log()
    torch.testing.assert_close(binary_soft_divergence(student, teacher, tau), expected.mean() / labels)
    assert float(binary_soft_divergence(teacher, teacher, tau)) == pytest.approx(0, abs=1e-14)


def test_extreme_logits_stay_finite() -> None:
    extreme = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    for divergence in (soft_divergence, binary_soft_divergence):
        value = divergence(extreme, -extreme.detach(), 0.5)
        (gradient,) = torch.autograd.grad(value, extreme)
        assert torch.isfinite(value)
        assert torch.isfinite(gradient).all()


def test_no_item_gives_a_zero_with_a_gradient() -> None:
    nothing = torch.zeros(0, 3, requires_grad=True)
    task, many = make_task("node-classification", 3), make_task("node-multilabel", 3)
    for value in (
        task.label_loss(nothing, torch.zeros(0, dtype=torch.long)),
        many.label_loss(nothing, torch.zeros(0, 3)),
        task.divergence(nothing, nothing.detach()),
        many.divergence(nothing, nothing.detach()),
    ):
        assert value.item() == 0
        value.backward()


def test_label_losses_by_hand() -> None:
    task, many = make_task("node-classification", 2), make_task("node-multilabel", 2)
    logits = torch.tensor([[math.log(3.0), 0.0]], dtype=torch.float64)
    assert float(task.label_loss(logits, torch.tensor([1]))) == pytest.approx(math.log(4))
    # chances 3/4 and 1/2 of labels that are on and off
    assert float(many.label_loss(logits, torch.tensor([[1.0, 0.0]]))) == pytest.approx(
        (math.log(4 / 3) + math.log(2)) / 2
    )


@pytest.mark.parametrize("kind", ["node-classification", "node-multilabel"])
def test_a_certain_teacher_costs_what_its_labels_cost(kind: Any) -> None:
    """Hard targets have no entropy, so KL is the cross-entropy: alpha mixes two terms of one scale, on any task."""
    generator = torch.Generator().manual_seed(0)
    student = torch.randn(4, 5, generator=generator, dtype=torch.float64)
    labels = torch.tensor([3, 0, 4, 0])
    on = torch.nn.functional.one_hot(labels, 5)
    task, teacher = make_task(kind, 5), 80.0 * (2 * on.double() - 1)
    told = task.label_loss(student, on if task.info.labels == "set" else labels)
    torch.testing.assert_close(task.divergence(student, teacher), told)
