"""LSP as its paper reads, on PyG's layers: in every step the teacher's forward and both structures, arc by arc."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class StockGAT(nn.Module):
    """The GAT of LSP's release: ELU, residuals from the second layer on, heads averaged at the output, no bias.

    PyG's residual of the output layer is one map for all heads, and so a little cheaper than one for each.
    """

    def __init__(self, in_features: int, classes: int, layers: int, width: int, heads: int, output_heads: int) -> None:
        from torch_geometric.nn import GATConv

        super().__init__()
        self.layers = nn.ModuleList()
        for index in range(layers - 1):
            source = in_features if index == 0 else width * heads
            self.layers.append(GATConv(source, width, heads, residual=index > 0, bias=False))
        self.layers.append(GATConv(width * heads, classes, output_heads, concat=False, residual=True, bias=False))

    def forward(self, x: Tensor, edge_index: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits and the states before the activation."""
        states = []
        for layer in list(self.layers)[:-1]:
            states.append(layer(x, edge_index))
            x = F.elu(states[-1])
        return self.layers[-1](x, edge_index), states


def local_structure(states: Tensor, edge_index: Tensor) -> Tensor:
    """[arcs]: the softmax of exp(-|z_i - z_j|_1 / 100) over the arcs into each node."""
    from torch_geometric.utils import softmax

    source, target = edge_index
    likeness = torch.exp(-(states[source] - states[target]).abs().sum(dim=1) / 100.0)
    found: Tensor = softmax(likeness, target, num_nodes=states.shape[0])
    return found


def stock_step(
    student: StockGAT,
    teacher: StockGAT,
    layers: tuple[int, int],
    x: Tensor,
    edge_index: Tensor,
    labels: Tensor,
) -> Callable[[], None]:
    """One step on one graph; `layers` are the student's and the teacher's. Labels: [nodes, labels] of 0 and 1."""
    from torch_geometric.utils import add_self_loops

    optimizer = torch.optim.Adam(student.parameters(), lr=0.005)
    arcs, _ = add_self_loops(edge_index, num_nodes=x.shape[0])

    def step() -> None:
        student.train()
        optimizer.zero_grad()
        logits, own = student(x, edge_index)
        with torch.no_grad():
            _, theirs = teacher(x, edge_index)
            target = local_structure(theirs[layers[1]], arcs)
        structure = local_structure(own[layers[0]], arcs)
        divergence = (target * (target.log() - structure.log())).sum() / x.shape[0]
        (F.binary_cross_entropy_with_logits(logits, labels) + divergence).backward()
        optimizer.step()

    return step
