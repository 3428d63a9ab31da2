"""Attention within a dense block of items, as GAT has it, without an exponential for every pair.

exp(LeakyReLU(s_i + t_j)) is the greater of exp(s_i) exp(t_j) and exp(n s_i) exp(n t_j), n being the slope below 0,
because the LeakyReLU is the greater of its two lines and the exponential grows. So a block costs two outer products.
Blocks are worked through in strips of rows that fit the cache, and the backward pass makes them anew.

Where all items have all as neighbours, those on either side of an item's kink are the first and the last in the order
of their scores. Then running sums in that order are enough, and no pair is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from graph_distillery.bench.models.heterogeneous.metapaths import Block

#: Numbers in a strip, all heads together.
_STRIP = 1 << 18
#: Scores of neighbours that lie further apart than this are not told from their greatest by products of exponentials.
_FURTHEST = 40.0
_STEPS = 1 << 16


def attend_in_block(
    states: Tensor, source_scores: Tensor, target_scores: Tensor, block: Block, *, slope: float, dropout: float = 0.0
) -> Tensor:
    """[heads, items, width]: the items' states weighted by softmax(LeakyReLU(score of both ends)).

    states: [heads, items, width]; source_scores, target_scores: [heads, items]; slope: of the LeakyReLU below 0.
    dropout: of the coefficients; 0 outside training. Differentiable once.
    """
    if block.mask is None and dropout == 0:
        return _attend_to_all(states, source_scores, target_scores, slope)
    seed = int(torch.randint(2**62, ())) if dropout > 0 else 0
    out: Tensor = _BlockAttention.apply(states, source_scores, target_scores, block.mask, slope, dropout, seed)
    return out


def _attend_to_all(states: Tensor, source: Tensor, target: Tensor, slope: float) -> Tensor:
    """As `attend_in_block`, where all are neighbours of all: O(items) after a sort."""
    scores, order = source.sort(dim=1, descending=True)
    top = scores[:, :1].detach()
    raw = target + top
    greatest = F.leaky_relu(raw, slope).detach()
    above = torch.searchsorted(-scores.detach(), target.detach().contiguous())  # how many have a sum above 0
    rows = torch.cat([states, torch.ones_like(states[:, :, :1])], dim=2)
    rows = rows.gather(1, _wide(order, rows))
    # Sums of the first and of the last, so that nothing is taken off a sum: they are as exact as their greatest term.
    first = _sums((scores - top).exp()[:, :, None] * rows)
    last = _sums(((slope * (scores - top)).exp()[:, :, None] * rows).flip(1))
    gathered = (raw - greatest).exp()[:, :, None] * first.gather(1, _wide(above, rows))
    below = source.shape[1] - above
    gathered = gathered + (slope * raw - greatest).exp()[:, :, None] * last.gather(1, _wide(below, rows))
    return gathered[:, :, :-1] / gathered[:, :, -1:]


def _sums(rows: Tensor) -> Tensor:
    """[heads, items, width] -> [heads, items + 1, width]: of the first 0, 1, ... rows."""
    return F.pad(rows.cumsum(dim=1), (0, 0, 1, 0))


def _wide(index: Tensor, rows: Tensor) -> Tensor:
    return index[:, :, None].expand(-1, -1, rows.shape[2])


class _BlockAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, states: Tensor, source: Tensor, target: Tensor, mask: Tensor | None, slope: float, p: float, seed: int
    ) -> Tensor:
        scores = _Scores(source, target, mask, slope)
        kept = _Kept(p, seed, states)
        out, total = torch.empty_like(states), torch.empty_like(target)
        for rows in _strips(states):
            weight, _ = scores.weights(rows)
            total[:, rows] = weight.sum(dim=2)
            dropped = kept.of(weight.shape)
            out[:, rows] = (weight if dropped is None else weight.mul_(dropped)) @ states
        out /= total[:, :, None]
        ctx.given = mask, slope, p, seed
        ctx.save_for_backward(states, source, target, total, out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        states, source, target, total, out = ctx.saved_tensors
        mask, slope, p, seed = ctx.given
        gradient = gradients[0].contiguous()
        scores, kept = _Scores(source, target, mask, slope), _Kept(p, seed, states)
        of_states, of_source = torch.zeros_like(states), torch.zeros_like(source)
        of_target = torch.empty_like(target)
        mean, transposed = (gradient * out).sum(dim=2), states.transpose(1, 2)
        for rows in _strips(states):
            attention, above = scores.weights(rows, total)
            dropped = kept.of(attention.shape)
            by_coefficient = gradient[:, rows] @ transposed
            used = attention
            if dropped is not None:
                used = attention * dropped
                by_coefficient.mul_(dropped)
            of_states.baddbmm_(used.transpose(1, 2), gradient[:, rows])
            by_score = by_coefficient.sub_(mean[:, rows, None]).mul_(attention)
            by_raw = torch.where(above, by_score, slope * by_score)
            of_target[:, rows] = by_raw.sum(dim=2)
            of_source += by_raw.sum(dim=1)
        return of_states, of_source, of_target, None, None, None, None


class _Scores:
    """exp(LeakyReLU(s_j + t_i) - greatest of row i) of strips of rows, and whether s_j + t_i lies above 0."""

    def __init__(self, source: Tensor, target: Tensor, mask: Tensor | None, slope: float) -> None:
        self.source, self.target, self.mask, self.slope = source, target, mask, slope
        top = source.amax(dim=1, keepdim=True)
        self.far = bool((top - source.amin(dim=1, keepdim=True)).max() > _FURTHEST)
        greatest = F.leaky_relu(target + top, slope)
        self.of_target = (target + top - greatest).exp(), (slope * (target + top) - greatest).exp()
        self.of_source = (source - top).exp()[:, None], (slope * (source - top)).exp()[:, None]

    def weights(self, rows: slice, total: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """[heads, rows, items] both; the first divided by `total`, [heads, items], where that is given."""
        if self.far:
            return self._far_apart(rows, total)
        first, second = (each[:, rows, None] for each in self.of_target)
        if total is not None:
            first, second = first / total[:, rows, None], second / total[:, rows, None]
        line, other = first * self.of_source[0], second * self.of_source[1]
        above = line > other
        weight = torch.maximum(line, other, out=line)
        return (weight if self.mask is None else weight.mul_(self.mask[rows])), above

    def _far_apart(self, rows: slice, total: Tensor | None) -> tuple[Tensor, Tensor]:
        """By the exponentials themselves, under the greatest score of each row's own neighbours."""
        raw = self.target[:, rows, None] + self.source[:, None]
        above = raw > 0
        scores = F.leaky_relu(raw, self.slope)
        if self.mask is not None:
            scores = scores.masked_fill(self.mask[rows] == 0, -torch.inf)
        weight = (scores - scores.amax(dim=2, keepdim=True)).exp()
        return (weight if total is None else weight / total[:, rows, None]), above


class _Kept:
    """Inverted dropout of strip after strip, the same ones again for the same seed."""

    def __init__(self, p: float, seed: int, like: Tensor) -> None:
        self.dropped = min(round(p * _STEPS), _STEPS - 1)
        self.like = like
        self.generator = torch.Generator(like.device).manual_seed(seed) if self.dropped else None

    def of(self, shape: torch.Size) -> Tensor | None:
        if self.generator is None:
            return None
        count = shape.numel()
        draws = torch.empty((count + 3) // 4, dtype=torch.int64, device=self.like.device)
        draws.random_(-(2**63), None, generator=self.generator)
        kept = draws.view(torch.int16)[:count].view(shape).to(self.like.dtype).ge_(self.dropped - _STEPS // 2)
        return kept.mul_(_STEPS / (_STEPS - self.dropped))


def _strips(states: Tensor) -> Iterator[slice]:
    heads, items, _ = states.shape
    step = max(_STRIP // (heads * items), 1)
    for first in range(0, items, step):
        yield slice(first, min(first + step, items))
