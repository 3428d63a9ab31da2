"""NOSMOG as its paper reads: every pass through the whole student, on dense features, and all pairs of similarities."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.bench.training.problem import Problem
from graph_distillery.methods.contract import Teacher

_RADIUS, _STEPS, _ADVERSARIAL, _SIMILARITY = 0.1, 5, 0.1, 0.1


class StockMLP(nn.Module):
    """Two linear layers; returns the hidden state and the logits."""

    def __init__(self, features: int, hidden: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.first, self.second, self.encoder = (
            nn.Linear(*shape) for shape in ((features, hidden), (hidden, classes), (hidden, hidden))
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        state = F.relu(self.first(x))
        return state, self.second(self.dropout(state))


def stock_nosmog_epoch(problem: Problem, teacher: Teacher, hidden: int, dropout: float) -> Callable[[], None]:
    """A step on all nodes at once with lambda 0, the validation score, a copy of the state.

    problem: with the artefact `positions`.
    """
    data, validation = problem.training, problem.validation
    x = torch.cat([data.graph.dense_features(), data.graph.node_columns["positions"]], 1)
    model = StockMLP(x.shape[1], hidden, data.task.num_classes, dropout)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=0.005)
    target, theirs = F.log_softmax(teacher.logits, dim=1), teacher.hidden[-1]

    def soft_loss(logits: Tensor) -> Tensor:
        return F.kl_div(F.log_softmax(logits, dim=1), target, reduction="batchmean", log_target=True)

    def perturbed() -> Tensor:
        delta = (2 * torch.rand(x.shape) - 1) * _RADIUS
        for _ in range(_STEPS):
            delta.requires_grad_()
            soft_loss(model(x + delta)[1]).backward()
            assert delta.grad is not None
            delta = (delta.detach() + _RADIUS / 4 * delta.grad.sign()).clamp(-_RADIUS, _RADIUS)
        return x + delta

    def epoch() -> None:
        model.train()
        state, logits = model(x)
        moved = model(perturbed())[1]
        own = F.relu(model.encoder(state))
        similar = (theirs @ theirs.T - own @ own.T).square().mean()
        total = soft_loss(logits) + _ADVERSARIAL * soft_loss(moved) + _SIMILARITY * similar
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            predicted = model(x[validation.items])[1].argmax(dim=1)
        float((predicted == validation.labels).float().mean())
        {name: value.clone() for name, value in model.state_dict().items()}

    return epoch
