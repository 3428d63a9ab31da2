"""Attention over in-neighbours whose scores know the type of the arc, head after head, as sparse algebra."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from graph_distillery.methods.contract.dropout import dropout_mask
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix


@dataclass(frozen=True)
class TypedArcs:
    """places: [receivers, nodes], row the target, an entry for each arc, several where several types join the same
    nodes, and for a loop at every receiver; types: [entries] int64, those of loops one beyond the last type."""

    places: SparseMatrix
    types: Tensor


def typed_arcs(graph: Graph, relations: int) -> TypedArcs:
    """Made once per graph."""

    def make() -> TypedArcs:
        nodes, rows = graph.num_nodes, graph.num_receivers
        own = torch.arange(rows, device=graph.device)
        source, target = torch.cat([graph.edge_index, own.expand(2, -1)], dim=1)
        types = torch.cat([graph.edge_type, own.new_full((rows,), relations)])
        order = torch.argsort((target * nodes + source) * (relations + 1) + types)
        pointers = torch.zeros(rows + 1, dtype=torch.long, device=graph.device)
        torch.cumsum(torch.bincount(target, minlength=rows), 0, out=pointers[1:])
        ones = torch.ones(order.numel(), dtype=graph.dtype, device=graph.device)
        return TypedArcs(SparseMatrix(pointers, source[order], ones, (rows, nodes)), types[order])

    return graph.cached(("typed arcs", relations), make)


@dataclass(frozen=True)
class Mixing:
    """slope: of the LeakyReLU below 0; dropout: of coefficients, 0 outside training; share: of the layer before in the
    coefficients, where there is one."""

    slope: float
    dropout: float
    share: float


def attend_by_relation(
    states: Tensor,
    source: Tensor,
    target: Tensor,
    of_type: Tensor,
    arcs: TypedArcs,
    mixing: Mixing,
    previous: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The in-neighbours' states under (1 - b) softmax(LeakyReLU(score of both ends and of the type)) + b previous.

    states: [heads, nodes, width]; source: [heads, nodes]; target: [heads, receivers]; of_type: [heads, types and the
    loops']; previous: [heads, entries], a constant. Returns [heads, receivers, width] and the coefficients used,
    [heads, entries], a constant. Differentiable once.
    """
    shape = (states.shape[0], arcs.places.nonzeros)
    mask = dropout_mask(shape, mixing.dropout, like=states)
    out, used = _RelationAttention.apply(states, source, target, of_type, arcs, mixing, mask, previous)
    return out, used


class _RelationAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        source: Tensor,
        target: Tensor,
        of_type: Tensor,
        arcs: TypedArcs,
        mixing: Mixing,
        mask: Tensor | None,
        previous: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        places, rows, columns = arcs.places, arcs.places.row_of_entry, arcs.places.columns
        coefficients, above, outs, mixed = [], [], [], []
        for head in range(states.shape[0]):
            raw = source[head].index_select(0, columns).add_(target[head].index_select(0, rows))
            raw.add_(of_type[head].index_select(0, arcs.types))
            above.append(raw > 0)
            scores = F.leaky_relu_(raw, mixing.slope)
            peak = torch.segment_reduce(scores, "max", offsets=places.row_pointers, unsafe=True)
            weight = scores.sub_(peak.index_select(0, rows)).exp_()
            total = torch.zeros_like(peak).scatter_add_(0, rows, weight)
            attention = weight.div_(total.index_select(0, rows))
            used = attention if mask is None else attention * mask[head]
            if previous is not None:
                used = torch.lerp(used, previous[head], mixing.share)
            outs.append(places.matmul(states[head].detach(), used))
            coefficients.append(attention)
            mixed.append(used)
        out, kept = torch.stack(outs), torch.stack(mixed)
        ctx.arcs, ctx.mixing, ctx.mixes = arcs, mixing, previous is not None
        ctx.save_for_backward(states, torch.stack(coefficients), torch.stack(above), mask, kept)
        ctx.mark_non_differentiable(kept)
        return out, kept

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        states, coefficients, above, mask, used = ctx.saved_tensors
        places, mixing = ctx.arcs.places, ctx.mixing
        rows, order = places.row_of_entry, places.transposed_places()[2]
        transposed = places.transposed
        of_states, of_source, of_target, of_type = [], [], [], []
        types = int(ctx.arcs.types.max()) + 1
        for head in range(states.shape[0]):
            gradient, attention = gradients[0][head].contiguous(), coefficients[head]
            of_states.append(transposed.matmul(gradient, used[head].index_select(0, order)))
            into = places.to_torch(torch.zeros_like(attention))
            by = torch.sparse.sampled_addmm(into, gradient, states[head].t(), beta=0.0, out=into).values()
            if mask is not None:
                by.mul_(mask[head])
            if ctx.mixes:
                by.mul_(1 - mixing.share)
            by.mul_(attention)
            zeros = attention.new_zeros(places.shape[0])
            mean = zeros.scatter_add(0, rows, by)
            by.sub_(attention * mean.index_select(0, rows))
            by = torch.where(above[head], by, mixing.slope * by)
            of_source.append(attention.new_zeros(places.shape[1]).scatter_add_(0, places.columns, by))
            of_target.append(zeros.scatter_add(0, rows, by))
            of_type.append(by.new_zeros(types).scatter_add_(0, ctx.arcs.types, by))
        stacked = (torch.stack(each) for each in (of_states, of_source, of_target, of_type))
        return *stacked, None, None, None, None
