"""The three critics of GraphAKD: of logits, of both ends of an arc, of a node and its graph."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LogitCritic(nn.Module):
    """W_2 ReLU(z + W_1 z + b), [nodes, classes] -> [nodes, classes + 1]; the last column says real or fake."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.inner = nn.Linear(classes, classes)
        self.outer = nn.Linear(classes, classes + 1, bias=False)

    def forward(self, logits: Tensor) -> Tensor:
        found: Tensor = self.outer(F.relu(logits + self.inner(logits)))
        return found


class PairCritic(nn.Module):
    """s <a * d, b> of two states, with d and s trained; [pairs, width] twice -> [pairs]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.diagonal = nn.Parameter(torch.ones(width))
        self.scale = nn.Parameter(torch.full((), 0.5))

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.scale * ((left * self.diagonal) * right).sum(dim=1)

    def of_arcs(self, states: Tensor, arcs: Tensor) -> Tensor:
        """[arcs]: of both ends' unit states; states: [nodes, width], arcs: [2, arcs]."""
        unit = F.normalize(states)
        return self(unit[arcs[0]], unit[arcs[1]])

    def of_summary(self, states: Tensor, whose: Tensor) -> Tensor:
        """[nodes]: of unit states and the sigmoid of the mean of `whose` ([nodes, width])."""
        return self(F.normalize(states), torch.sigmoid(whose.mean(dim=0, keepdim=True)))


def taken_for(scores: Tensor, real: bool) -> Tensor:
    """Binary cross-entropy of scores against all real or all fake; 0 of none."""
    if scores.numel() == 0:
        return scores.sum()
    return F.softplus(-scores if real else scores).mean()
