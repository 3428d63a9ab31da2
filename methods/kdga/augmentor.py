"""A graph drawn from the outer product of embeddings, differentiable in them (Wu et al., NeurIPS 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.methods.contract import Graph
from graph_distillery.methods.contract.propagation import PropagationKind
from graph_distillery.methods.contract.sparse import SparseMatrix


class Augmentor(nn.Module):
    """z = ReLU(P (P X W_1) W_2), no bias; a pair's logit is z_i . z_j."""

    def __init__(self, num_features: int, hidden: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Parameter(torch.empty(rows, hidden)) for rows in (num_features, hidden))
        for weight in (self.first, self.second):
            nn.init.uniform_(weight, -1 / sqrt(weight.shape[0]), 1 / sqrt(weight.shape[0]))

    def forward(self, graph: Graph) -> Tensor:
        """[nodes, nodes], symmetric, not negative."""
        matrix = graph.propagation("gcn")
        state = matrix @ (graph.features @ self.first)
        embedding = F.relu(matrix @ (state @ self.second))
        return embedding @ embedding.T


def reconstruction(logits: Tensor, adjacency: SparseMatrix) -> Tensor:
    """Binary cross-entropy of the adjacency, arcs weighted by how much rarer they are, times N^2 / (2 (N^2 - arcs)).

    adjacency: 1 at arcs and loops, `propagation("sum_self")`.
    """
    total, arcs = logits.numel(), adjacency.nonzeros
    others = max(total - arcs, 1.0)
    loss: Tensor = _CrossEntropy.apply(logits, adjacency, others / arcs)
    return loss / (2 * others)


class _CrossEntropy(torch.autograd.Function):
    """The sum of binary cross-entropies, arcs weighted, with its gradient at once: few passes over all pairs."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, adjacency: SparseMatrix, weight: float) -> Tensor:
        places = adjacency.row_of_entry, adjacency.columns
        at_arcs = logits[places]
        gradient = torch.sigmoid(logits)
        gradient[places] = -weight * torch.sigmoid(-at_arcs)
        ctx.save_for_backward(gradient)
        arcs = weight * F.softplus(-at_arcs) - F.softplus(at_arcs)
        return F.softplus(logits).sum() + arcs.sum()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * gradients[0], None, None


def drawn(logits: Tensor, adjacency: SparseMatrix, alpha: float, temperature: float, noise: Tensor) -> Tensor:
    """[nodes, nodes] of 0 and 1, symmetric, 1 on the diagonal: straight-through relaxed Bernoulli draws.

    The chance of a pair is alpha logits / max + (1 - alpha) A. What is above the diagonal is drawn, and mirrored.
    Gradients are those of sigmoid((logit(chance) + logit(noise)) / temperature). noise: [nodes, nodes], in 0 .. 1;
    chance and noise are kept off 0 and 1 by the precision of the type.
    """
    found: Tensor = _Draw.apply(logits, logits.max(), adjacency, alpha, temperature, noise)
    return found


class _Draw(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        greatest: Tensor,
        adjacency: SparseMatrix,
        alpha: float,
        temperature: float,
        noise: Tensor,
    ) -> Tensor:
        least = torch.finfo(logits.dtype).eps
        scale = alpha / greatest.clamp(min=1e-12)
        chance = logits * scale
        chance[adjacency.row_of_entry, adjacency.columns] += 1 - alpha
        inside = (chance >= least) & (chance <= 1 - least)
        chance.clamp_(least, 1 - least)
        noise = noise.clamp(least, 1 - least)
        against = chance.neg().add_(1)
        odds = noise.mul(chance).div_(noise.neg_().add_(1).mul_(against))
        hard = (odds > 1).to(logits.dtype).triu_(1)
        if temperature != 1:
            odds.pow_(1 / temperature)
        ahead = odds + 1
        slope = odds.div_(ahead).div_(ahead).div_(chance).div_(against.mul_(temperature)).mul_(inside).triu_(1)
        ctx.save_for_backward(slope, scale, logits)
        return (hard + hard.T).fill_diagonal_(1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        slope, scale, logits = ctx.saved_tensors
        of_chance = (gradients[0] + gradients[0].T).mul_(slope).mul_(scale)
        of_greatest = -torch.dot(of_chance.flatten(), logits.flatten()) / logits.max().clamp(min=1e-12)
        return of_chance, of_greatest, None, None, None, None


def normalised(adjacency: Tensor) -> Tensor:
    """D^-1/2 A D^-1/2, D the row sums, which are of at least 1."""
    scale = adjacency.sum(dim=1).rsqrt()
    return scale[:, None] * adjacency * scale


class DensePropagation:
    """A dense matrix in the place of a sparse one; gradients reach its entries."""

    def __init__(self, matrix: Tensor) -> None:
        self.matrix, self.shape = matrix, tuple(matrix.shape)

    def __matmul__(self, dense: Tensor) -> Tensor:
        return self.matrix @ dense


@dataclass(frozen=True)
class AugmentedGraph(Graph):
    """A graph whose states propagate by another matrix, [nodes, nodes]."""

    matrix: DensePropagation | None = None

    @classmethod
    def of(cls, graph: Graph, matrix: Tensor) -> AugmentedGraph:
        """The features and columns of a graph under the matrix."""
        return cls(
            graph.features,
            graph.edge_index,
            graph.graph_pointers,
            graph.node_columns,
            graph.edge_columns,
            graph.graph_columns,
            matrix=DensePropagation(matrix),
        )

    def propagation(self, kind: PropagationKind, relation: str | int | None = None) -> SparseMatrix:
        """The matrix, whatever the kind."""
        return cast(Any, self.matrix)
