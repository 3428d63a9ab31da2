"""How a student's scores of the nodes around an anchor are held to a teacher's: their order, and their shares."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from graph_distillery.methods.losses.logits import soft_divergence

#: Pairs of scores that are compared at once.
_BLOCK = 1 << 22


def distribution_term(student: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """T^2 KL(softmax(teacher / T) || softmax(student / T)) over the contexts of an anchor, averaged over anchors.

    Scores both, [anchors, contexts]. Of chances, which differ by 1 at most, no share is more than e^(1 / T) times
    another.
    """
    return temperature**2 * soft_divergence(student, teacher, temperature)


def ranking_term(student: Tensor, teacher: Tensor, margin: float) -> Tensor:
    """The mean of max(0, margin - y (s_a - s_b)) over anchors and all pairs {a, b} of their contexts.

    y is 1 where the teacher scores a above b by more than the margin, -1 where below by more, and else 0: such a pair
    adds the margin and no gradient. Scores both, [anchors, contexts]; the teacher's take no gradient. Memory is that
    of a block of anchors, whatever the number of contexts. Fewer than two contexts give 0.
    """
    if student.shape[0] == 0 or student.shape[1] < 2:
        return student.sum() * 0
    found: Tensor = _Ranking.apply(student, teacher.detach(), margin)
    return found


class _Ranking(torch.autograd.Function):
    """Value and slope in one pass over blocks of anchors; each pair is met as (a, b) and as (b, a)."""

    @staticmethod
    def forward(ctx: Any, student: Tensor, teacher: Tensor, margin: float) -> Tensor:
        anchors, count = student.shape
        rows = max(1, _BLOCK // count**2)
        total = torch.zeros((), dtype=torch.double, device=student.device)
        slope = torch.empty_like(student)
        for start in range(0, anchors, rows):
            s, t = student[start : start + rows], teacher[start : start + rows]
            above = t[:, :, None] > t[:, None, :] + margin
            order = above.to(s.dtype) - above.transpose(1, 2).to(s.dtype)
            hinge = margin - order * (s[:, :, None] - s[:, None, :])
            slope[start : start + rows] = -(order * (hinge >= 0)).sum(dim=2)
            total += hinge.clamp(min=0).sum(dtype=torch.double)
        ordered = anchors * count * (count - 1)
        ctx.save_for_backward(slope * (2 / ordered))
        return ((total - anchors * count * margin) / ordered).to(student.dtype)  # less each context against itself

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (slope,) = ctx.saved_tensors
        return gradients[0] * slope, None, None
