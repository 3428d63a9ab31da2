"""OAD as its paper reads: a loop over stock PyG students on dense features, and one over stock discriminators."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import GCNConv

from graph_distillery.bench.training.problem import Problem


class StockGCN(nn.Module):
    """Two GCNConv layers; returns logits and the hidden state."""

    def __init__(self, features: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.first, self.second = GCNConv(features, hidden), GCNConv(hidden, classes)

    def forward(self, x: Tensor, edge_index: Tensor) -> tuple[Tensor, Tensor]:
        hidden = F.relu(self.first(x, edge_index))
        return self.second(hidden, edge_index), hidden


def stock_oad_epoch(problem: Problem, students: int, hidden: int, tau: float) -> Callable[[], None]:
    """An epoch after the warm-up, the validation scores of all students, and a copy of the state."""
    data, validation = problem.training, problem.validation
    x, edges = data.graph.dense_features(), data.graph.edge_index
    group = nn.ModuleList(StockGCN(x.shape[1], hidden, data.task.num_classes) for _ in range(students))
    ring = nn.ModuleList(GCNConv(hidden, 1) for _ in range(students))
    optimizer = torch.optim.Adam(group.parameters(), lr=0.005, weight_decay=5e-4)
    ring_optimizer = torch.optim.Adam(ring.parameters(), lr=0.005)

    def score(judge: int, states: Tensor, target: float) -> Tensor:
        found = ring[judge](states, edges)
        return F.binary_cross_entropy_with_logits(found, torch.full_like(found, target))

    def epoch() -> None:
        group.train()
        outputs = [student(x, edges) for student in group]
        loss = torch.zeros(())
        for i, (logits, _) in enumerate(outputs):
            logits = logits[data.labelled]
            others = [output[0][data.labelled].detach() for j, output in enumerate(outputs) if j != i]
            target = F.softmax(torch.stack(others).mean(0) / tau, dim=1)
            loss = loss + F.cross_entropy(logits, data.labels)
            soft = F.kl_div(F.log_softmax(logits / tau, dim=1), target, reduction="batchmean")
            loss = loss + tau**2 * soft
        ring_loss = torch.zeros(())
        for i in range(students):
            ring_loss = ring_loss + score(i, outputs[i][1].detach(), 1.0) + score(i, outputs[i - 1][1].detach(), 0.0)
        ring_optimizer.zero_grad()
        ring_loss.backward()
        ring_optimizer.step()
        for i in range(students):
            loss = loss + score(i, outputs[i - 1][1], 1.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        group.eval()
        with torch.no_grad():
            for student in group:
                predicted = student(x, edges)[0][validation.items].argmax(dim=-1)
                float((predicted == validation.labels).float().mean())
        {name: value.clone() for part in (group, ring) for name, value in part.state_dict().items()}

    return epoch
