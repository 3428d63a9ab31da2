"""Attention by products of queries and keys over the arcs of all relations, as sparse algebra, head after head.

A source stands in the matrix of arcs once for each relation that it has arcs of, so that no two arcs share a place.
With a column of ones beside the values, one product gives both the weighted sum and what it is divided by; and one
beside the queries takes the mean off every arc's derivative. So nothing is fetched by arc but rows of matrices, of
which one head's fit the cache.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from graph_distillery.methods.contract.sparse import SparseMatrix

#: Scores up to here, below and above 0, need no greatest one taken off before the exponential.
_PLAIN = 30.0


def attend_by_products(query: Tensor, key: Tensor, value: Tensor, places: SparseMatrix) -> Tensor:
    """[heads, targets, width]: the values weighted by the softmax of query · key along each row of `places`.

    query: [heads, targets, width]; key, value: [heads, sources, width]; places: [targets, sources], an entry an arc. A
    row without an entry gives 0. Differentiable once.
    """
    out: Tensor = _ProductAttention.apply(query, key, value, places)
    return out


class _ProductAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, places: SparseMatrix) -> Tensor:
        weights, totals, outs = [], [], []
        for q, k, v in zip(query, key, value, strict=True):
            weight = _exponentials(places, q, k)
            gathered = places.matmul(_beside(v, 1.0), weight)
            total = gathered[:, -1:].clamp(min=torch.finfo(v.dtype).tiny)
            outs.append(gathered[:, :-1] / total)
            totals.append(total)
            weights.append(weight)
        out = torch.stack(outs)
        ctx.places = places
        ctx.save_for_backward(query, key, value, torch.stack(totals), out, *weights)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, totals, out, *weights = ctx.saved_tensors
        places: SparseMatrix = ctx.places
        order = places.transposed_places()[2]
        transposed = places.transposed
        scaled = gradients[0] / totals
        mean = (scaled * out).sum(dim=2, keepdim=True)
        found: list[list[Tensor]] = [[], [], []]
        for head, (q, k, v) in enumerate(zip(query, key, value, strict=True)):
            weight, gradient = weights[head], scaled[head].contiguous()
            by_score = _products(places, torch.cat([gradient, -mean[head]], dim=1), _beside(v, 1.0)).mul_(weight)
            found[0].append(places.matmul(k.contiguous(), by_score))
            found[1].append(transposed.matmul(q.contiguous(), by_score.index_select(0, order)))
            found[2].append(transposed.matmul(gradient, weight.index_select(0, order)))
        return *(torch.stack(each) for each in found), None


def _exponentials(places: SparseMatrix, query: Tensor, key: Tensor) -> Tensor:
    """[entries]: exp(query · key), or, where scores may be large, under the greatest one of the row."""
    scores = _products(places, query.contiguous(), key)
    if float(query.abs().max() * key.abs().max()) * query.shape[1] > _PLAIN:
        peak = torch.segment_reduce(scores, "max", offsets=places.row_pointers, unsafe=True)
        scores.sub_(peak.index_select(0, places.row_of_entry))
    return scores.exp_()


def _beside(x: Tensor, value: float) -> Tensor:
    return torch.cat([x, x.new_full((x.shape[0], 1), value)], dim=1)


def _products(places: SparseMatrix, one: Tensor, other: Tensor) -> Tensor:
    """[entries]: the product of the row of `one` and that of `other` which each entry joins."""
    into = places.to_torch(one.new_zeros(places.nonzeros))
    return torch.sparse.sampled_addmm(into, one, other.t(), beta=0.0, out=into).values()
