"""Relations among all pairs of nodes as the papers read: with a tensor of nodes x nodes x width."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.training.speed import LiveBytes
from graph_distillery.methods.losses.relations import contrastive, global_structure

_WIDTH, _TEMPERATURE = 128, 0.075
Loss = Callable[[Tensor, Tensor], Tensor]


def _plain_structure(student: Tensor, teacher: Tensor) -> Tensor:
    own, other = (torch.exp(-(each[:, None] - each[None]).square().sum(dim=2) / 2) for each in (student, teacher))
    return F.mse_loss(own, other)


def _plain_contrast(student: Tensor, teacher: Tensor) -> Tensor:
    logits = F.cosine_similarity(student[:, None], teacher[None], dim=2) / _TEMPERATURE
    return F.cross_entropy(logits, torch.arange(logits.shape[0], device=logits.device))


_SIDES: dict[str, tuple[Loss, Loss]] = {
    "gsp": (lambda student, teacher: global_structure("rbf", student, teacher), _plain_structure),
    "gcrd": (lambda student, teacher: contrastive(student, teacher, _TEMPERATURE), _plain_contrast),
}


def peaks(name: Literal["gsp", "gcrd"], nodes: int) -> tuple[float, float]:
    """MiB alive at the peak of loss and gradient, of our path and of the plain one.

    The plain one is counted on torch's meta device: its tensors have sizes and no memory, of which there is not enough.
    """
    ours, plain = _SIDES[name]
    return _peak(ours, nodes, "cpu"), _peak(plain, nodes, "meta")


def _peak(loss: Loss, nodes: int, device: str) -> float:
    student, teacher = (torch.randn(nodes, _WIDTH, device=device, requires_grad=True) for _ in range(2))
    with LiveBytes() as live:
        torch.autograd.grad(loss(student, teacher), (student, teacher))
    return live.peak / 2**20
