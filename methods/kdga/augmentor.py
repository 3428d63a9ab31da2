"""A graph drawn from the outer product of embeddings, differentiable in them (Wu et al., NeurIPS 2022).

A pair's logit is z_i . z_j. No matrix of all pairs is held: they are gone through some rows at a time, above the
diagonal alone, and once more for the gradient, which of a product with the draw is of low rank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.methods.contract import Graph
from graph_distillery.methods.contract.columns import WEIGHT
from graph_distillery.methods.contract.propagation import PropagationKind
from graph_distillery.methods.contract.sparse import SparseMatrix

#: Rows of pairs at a time, so that what is done to them number by number stays in the cache.
_ROWS = 128


class Augmentor(nn.Module):
    """z = ReLU(P (P X W_1) W_2), no bias."""

    def __init__(self, num_features: int, hidden: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Parameter(torch.empty(rows, hidden)) for rows in (num_features, hidden))
        for weight in (self.first, self.second):
            nn.init.uniform_(weight, -1 / sqrt(weight.shape[0]), 1 / sqrt(weight.shape[0]))

    def forward(self, graph: Graph) -> Tensor:
        """[nodes, hidden], not negative."""
        matrix = graph.propagation("gcn")
        state = matrix @ (graph.features @ self.first)
        return F.relu(matrix @ (state @ self.second))


@dataclass(frozen=True)
class Block:
    """The pairs (i, j), j >= start, of rows i from `start` to before `stop`.

    rows, columns: [arcs] int64, where arcs (i, j) with j > i lie, counted from `start`.
    """

    start: int
    stop: int
    rows: Tensor
    columns: Tensor


def blocks(adjacency: SparseMatrix, rows: int = _ROWS) -> Iterator[Block]:
    """All pairs i <= j, with the arcs among them; adjacency: mutual, with loops."""
    for start in range(0, adjacency.shape[0], rows):
        stop = min(start + rows, adjacency.shape[0])
        first, last = (int(adjacency.row_pointers[at]) for at in (start, stop))
        i, j = adjacency.row_of_entry[first:last], adjacency.columns[first:last]
        above = j > i
        yield Block(start, stop, i[above] - start, j[above] - start)


def reconstruction(embedding: Tensor, adjacency: SparseMatrix) -> Tensor:
    """Binary cross-entropy of the adjacency, arcs weighted by how much rarer they are, times N^2 / (2 (N^2 - arcs)).

    embedding: [nodes, hidden], z; adjacency: 1 at arcs and loops, `propagation("sum_self")`.
    """
    total, arcs = adjacency.shape[0] ** 2, adjacency.nonzeros
    others = max(total - arcs, 1.0)
    loss: Tensor = _CrossEntropy.apply(embedding, adjacency, others / arcs)
    return loss / (2 * others)


class _CrossEntropy(torch.autograd.Function):
    """The sum of binary cross-entropies, arcs and loops weighted, with its gradient at once."""

    @staticmethod
    def forward(ctx: Any, embedding: Tensor, adjacency: SparseMatrix, weight: float) -> Tensor:
        total, gradient = embedding.new_zeros((), dtype=torch.float64), torch.zeros_like(embedding)
        own = embedding.square().sum(dim=1)  # the loops
        total += (weight * F.softplus(-own)).sum()
        gradient.add_((-2 * weight * torch.sigmoid(-own))[:, None] * embedding)
        for block in blocks(adjacency):
            left, right = embedding[block.start : block.stop], embedding[block.start :]
            logits = left @ right.T
            places = block.rows, block.columns
            at_arcs = logits[places]
            slope = torch.sigmoid(logits)
            slope[places] = -weight * torch.sigmoid(-at_arcs)
            slope.triu_(1)
            total += 2 * (weight * F.softplus(-at_arcs) - F.softplus(at_arcs)).sum()
            total += 2 * F.softplus(logits).triu_(1).sum()
            gradient[block.start : block.stop] += 2 * (slope @ right)
            gradient[block.start :] += 2 * (slope.T @ left)
        ctx.save_for_backward(gradient)
        return total.to(embedding.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * gradients[0], None, None


class Noise:
    """Uniform numbers in 0 .. 1 for every pair, the same whenever they are asked for; seeded by torch's own state."""

    def __init__(self) -> None:
        self.seed = int(torch.randint(2**62, ()))

    def __call__(self, block: Block, like: Tensor) -> Tensor:
        """[rows of the block, columns from its start on]."""
        generator = torch.Generator(like.device).manual_seed(self.seed + block.start)
        return torch.rand(like.shape, dtype=like.dtype, device=like.device, generator=generator)


class Draw:
    """[nodes, nodes] of 0 and 1, symmetric, 1 on the diagonal: straight-through relaxed Bernoulli draws.

    The chance of a pair is alpha logits / max + (1 - alpha) A. What is above the diagonal is drawn, and mirrored.
    Gradients are those of sigmoid((logit(chance) + logit(noise)) / temperature); chance and noise are kept off 0 and 1
    by the precision of the type. The greatest logit stands on the diagonal, as |z_i . z_j| <= |z_i| |z_j|.

    embedding: [nodes, hidden], z; adjacency: as `reconstruction` takes it; noise: [rows, columns] of a `Block`.
    """

    def __init__(
        self,
        embedding: Tensor,
        adjacency: SparseMatrix,
        alpha: float,
        temperature: float,
        noise: Callable[[Block, Tensor], Tensor],
    ) -> None:
        self.adjacency, self.alpha, self.temperature, self.noise = adjacency, alpha, temperature, noise
        self.shape = adjacency.shape
        #: Of each product with the draw that gradients came back through: its gradient, and what was multiplied.
        self.met: list[tuple[Tensor, Tensor]] = []
        self.token: Tensor = _Drawn.apply(embedding, self)

    def __matmul__(self, dense: Tensor) -> Tensor:
        product: Tensor = _DrawnProduct.apply(self.token, dense, self)
        return product

    def times(self, dense: Tensor) -> Tensor:
        """The product, without a gradient in the draw."""
        return self.above @ dense + self.below @ dense + dense

    def odds(self, block: Block, logits: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of the pairs of a block: the relaxed draw's odds, p / (1 - p); their chance; where that was not cut off."""
        least = torch.finfo(logits.dtype).eps
        chance = logits * scale
        chance[block.rows, block.columns] += 1 - self.alpha
        inside = (chance >= least) & (chance <= 1 - least)
        chance.clamp_(least, 1 - least)
        noise = self.noise(block, logits).clamp_(least, 1 - least)
        odds = (noise * chance).div_((1 - noise).mul_(1 - chance))
        return odds.pow_(1 / self.temperature) if self.temperature != 1 else odds, chance, inside

    @torch.no_grad()
    def draw(self, embedding: Tensor) -> None:
        """Fill `above`, what is drawn above the diagonal, `below`, its transpose, and `shared`, [arcs, 2]: the arcs of
        the adjacency that were drawn, and its loops."""
        scale = self.alpha / greatest(embedding)
        counts, columns, kept = list[Tensor](), list[Tensor](), list[Tensor]()
        for block in blocks(self.adjacency):
            logits = embedding[block.start : block.stop] @ embedding[block.start :].T
            hard = (self.odds(block, logits, scale)[0] > 1).triu_(1)
            places = hard.nonzero()
            counts.append(torch.bincount(places[:, 0], minlength=block.stop - block.start))
            columns.append(places[:, 1] + block.start)
            both = hard[block.rows, block.columns]
            kept.append(torch.stack([block.rows[both], block.columns[both]], dim=1) + block.start)
        pointers = F.pad(torch.cat(counts).cumsum(0), (1, 0))
        flat = torch.cat(columns)
        self.above = SparseMatrix(pointers, flat, embedding.new_ones(flat.numel()), self.shape)
        self.below = self.above.transpose()
        loops = torch.arange(self.shape[0], device=embedding.device)[:, None].expand(-1, 2)
        arcs = torch.cat(kept)
        self.shared = torch.cat([arcs, arcs.flip(1), loops])


def greatest(embedding: Tensor) -> Tensor:
    """The greatest logit of all pairs, a scalar, and never 0."""
    return embedding.square().sum(dim=1).max().clamp(min=1e-12)


class _Drawn(torch.autograd.Function):
    """Draws; its output, which holds nothing, is what products with the draw hang on."""

    @staticmethod
    def forward(ctx: Any, embedding: Tensor, draw: Draw) -> Tensor:
        ctx.draw = draw
        ctx.save_for_backward(embedding)
        draw.draw(embedding)
        return embedding.new_zeros(())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        draw, (embedding,) = ctx.draw, ctx.saved_tensors
        found = torch.zeros_like(embedding)
        if not draw.met:
            return found, None
        # d loss / d draw = one other', and of a pair both its places
        one = torch.cat([each for met in draw.met for each in met], dim=1)
        other = torch.cat([each for gradient, dense in draw.met for each in (dense, gradient)], dim=1)
        draw.met.clear()
        most, of_scale = greatest(embedding), embedding.new_zeros(())
        scale = draw.alpha / most
        for block in blocks(draw.adjacency):
            left, right = embedding[block.start : block.stop], embedding[block.start :]
            logits = left @ right.T
            odds, chance, inside = draw.odds(block, logits, scale)
            ahead = odds + 1
            slope = odds.div_(ahead).div_(ahead).div_(chance).div_((1 - chance).mul_(draw.temperature)).mul_(inside)
            slope.mul_(one[block.start : block.stop] @ other[block.start :].T).triu_(1)
            of_scale += torch.dot(slope.flatten(), logits.flatten())
            slope.mul_(scale)
            found[block.start : block.stop] += slope @ right
            found[block.start :] += slope.T @ left
        place = int(embedding.square().sum(dim=1).argmax())
        found[place] -= 2 * of_scale * scale / most * embedding[place]
        return found, None


class _DrawnProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, token: Tensor, dense: Tensor, draw: Draw) -> Tensor:
        ctx.draw = draw
        ctx.save_for_backward(dense)
        return draw.times(dense)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (gradient,), (dense,) = gradients, ctx.saved_tensors
        ctx.draw.met.append((gradient, dense))
        return gradient.new_zeros(()), ctx.draw.times(gradient), None


class Normalised:
    """D^-1/2 A D^-1/2 in the place of a sparse matrix, D the row sums of a draw A; gradients reach its entries."""

    def __init__(self, draw: Draw) -> None:
        self.draw, self.shape = draw, draw.shape
        self.scale = (draw @ torch.ones(draw.shape[0], 1, dtype=draw.token.dtype, device=draw.token.device)).rsqrt()

    def __matmul__(self, dense: Tensor) -> Tensor:
        return self.scale * (self.draw @ (self.scale * dense))


@dataclass(frozen=True)
class AugmentedGraph(Graph):
    """A graph whose states propagate by another matrix, [nodes, nodes]."""

    matrix: Normalised | None = None

    @classmethod
    def of(cls, graph: Graph, matrix: Normalised) -> AugmentedGraph:
        """The features and columns of a graph under the matrix, which takes the place of the arcs' weights too."""
        edge_columns = {name: column for name, column in graph.edge_columns.items() if name != WEIGHT}
        return cls(
            graph.features,
            graph.edge_index,
            graph.graph_pointers,
            graph.node_columns,
            edge_columns,
            graph.graph_columns,
            matrix=matrix,
        )

    def propagation(self, kind: PropagationKind, relation: str | int | None = None) -> SparseMatrix:
        """The matrix, whatever the kind."""
        return cast(Any, self.matrix)
