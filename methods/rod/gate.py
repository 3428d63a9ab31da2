"""The features that ROD's network reads: those of every hop, dropped and weighed, a block of nodes at a time.

Written out, dropout, scores and mean each pass over [nodes, hops + 1, width] numbers, forwards and again backwards, and
leave as many behind; here a block of nodes passes through all of it while it is in the cache, and only the draws stay.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from graph_distillery.methods.contract.dropout import Draws

#: So many numbers of one block: it and its mask fit in a core's own cache.
_BLOCK = 1 << 19


def gated(hops: Tensor, weight: Tensor, bias: Tensor, p: float, training: bool) -> Tensor:
    """[nodes, width]: sum over k of w_k D_k X_k with w = softmax over k of sigmoid(weight . D_k X_k + bias).

    hops: [nodes, K, width], the X_k, which take no gradient; weight: [width]; bias: []. D is `dropout` of rate p.
    """
    found: Tensor = _Gated.apply(hops, Draws.of(hops.shape, p if training else 0.0, hops.device), weight, bias)
    return found


class _Gated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hops: Tensor, draws: Draws | None, weight: Tensor, bias: Tensor) -> Tensor:
        shares, mixed = hops.new_empty(hops.shape[:2]), hops.new_empty(hops.shape[0], hops.shape[2])
        scale = 1.0 if draws is None else draws.scale
        for rows, states in _blocks(hops, draws):
            shares[rows] = torch.matmul(states, weight).mul_(scale).add_(bias).sigmoid_()
            weights = shares[rows].softmax(1).mul_(scale)
            mixed[rows] = torch.bmm(weights.unsqueeze(1), states).squeeze(1)
        ctx.save_for_backward(hops, shares)
        ctx.draws = draws
        return mixed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor, Tensor]:
        (gradient,), (hops, shares), draws = gradients, ctx.saved_tensors, ctx.draws
        scale = 1.0 if draws is None else draws.scale
        of_weight, slopes = hops.new_zeros(hops.shape[2]), torch.empty_like(shares)
        for rows, states in _blocks(hops, draws):
            weights = shares[rows].softmax(1)
            of_weights = (states * gradient[rows].unsqueeze(1)).sum(2) * scale  # a batched product is six times slower
            of_shares = weights * (of_weights - (weights * of_weights).sum(1, keepdim=True))
            slopes[rows] = of_shares * shares[rows] * (1 - shares[rows])
            of_weight.addmv_(states.flatten(0, 1).T, slopes[rows].flatten(), alpha=scale)
        return None, None, of_weight, slopes.sum()


def _blocks(hops: Tensor, draws: Draws | None) -> Iterator[tuple[slice, Tensor]]:
    """Rows, and their states with 0 for what is dropped, in memory that the next block writes over."""
    nodes = hops.shape[0]
    size = max(1, _BLOCK // max(math.prod(hops.shape[1:]), 1))
    memory = hops.new_empty(min(size, nodes), *hops.shape[1:])
    for start in range(0, nodes, size):
        rows = slice(start, min(start + size, nodes))
        states = hops[rows]
        yield rows, states if draws is None else draws.kept(rows, memory[: states.shape[0]]).mul_(states)
