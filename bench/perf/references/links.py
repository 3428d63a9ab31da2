"""LinkDist as its paper reads: both ends of every arc through a network of stock layers on dense features."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from graph_distillery.bench.training.problem import Problem


def stock_linkdist_epoch(problem: Problem, hidden: int, arcs: int, dropout: float) -> Callable[[], None]:
    """As many arcs as there are nodes, the validation score, and a copy of the state."""
    data, validation = problem.training, problem.validation
    x, edges, nodes = data.graph.dense_features(), data.graph.edge_index, data.graph.num_nodes
    trunk = nn.Sequential(nn.Linear(x.shape[1], hidden), nn.ReLU(), nn.Dropout(dropout))
    own, other = nn.Linear(hidden, data.task.num_classes), nn.Linear(hidden, data.task.num_classes)
    whole = nn.ModuleList([trunk, own, other])
    optimizer = torch.optim.Adam(whole.parameters(), lr=0.01)
    label_of = torch.full((nodes,), -1)
    label_of[data.labelled] = data.labels
    alpha = float((label_of[edges] < 0).float().mean())

    def epoch() -> None:
        whole.train()
        for part in torch.randperm(edges.shape[1])[:nodes].split(arcs):
            i, j = edges[:, part]
            of_i, of_j = trunk(x[i]), trunk(x[j])
            y_i, z_i, y_j, z_j = own(of_i), other(of_i), own(of_j), other(of_j)
            loss = alpha * (F.mse_loss(y_i, z_j) + F.mse_loss(y_j, z_i))
            for end, y, z in ((i, y_i, z_j), (j, y_j, z_i)):
                known = label_of[end] >= 0
                if known.any():
                    labels = label_of[end][known]
                    loss = loss + F.cross_entropy(y[known], labels) + F.cross_entropy(z[known], labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        whole.eval()
        with torch.no_grad():
            predicted = own(trunk(x))[validation.items].argmax(dim=1)
        float((predicted == validation.labels).float().mean())
        {name: value.clone() for name, value in whole.state_dict().items()}

    return epoch
