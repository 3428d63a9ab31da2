"""Graph attention over in-neighbours as sparse algebra, all heads in one product.

The states of all heads, [nodes, heads · width], lie in memory as a [nodes · heads, width] matrix. The
attention of all heads is one sparse matrix on its rows: an entry (target · heads + k, source · heads + k) for
every head k and every arc, self-loops included. So scores are vectors over entries, the softmax runs along
the rows of a CSR matrix, and the aggregation is one CSR product.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from graph_distillery.methods.contract.dropout import dropout_mask
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix


def attention_places(graph: Graph, heads: int) -> SparseMatrix:
    """The [nodes · heads, nodes · heads] matrix of ones at the places named above, of the rows that the graph's
    propagation has; built once per graph."""
    return graph.cached(("attention", heads), lambda: places_of(graph.propagation("sum_self"), heads)[0])


def places_of(arcs: SparseMatrix, heads: int) -> tuple[SparseMatrix, Tensor]:
    """Those places of any arcs, [targets, sources], and the entry of `arcs` that each is of, [entries] int64."""
    head = torch.arange(heads, device=arcs.device)
    size = arcs.shape[0] * heads
    # Row (target, head) holds the arcs of `target`, after those of the heads before it.
    starts, degree = arcs.row_pointers[:-1, None], arcs.row_pointers.diff()[:, None]
    pointers = torch.cat([(starts * heads + degree * head).view(-1), arcs.row_pointers[-1:] * heads])
    row = torch.repeat_interleave(
        torch.arange(size, device=arcs.device), pointers.diff(), output_size=arcs.nonzeros * heads
    )
    target, row_head = row // heads, row % heads
    within_row = torch.arange(row.numel(), device=arcs.device) - pointers[row]
    entry = arcs.row_pointers[target] + within_row
    columns = arcs.columns[entry] * heads + row_head
    ones = torch.ones(row.numel(), dtype=arcs.values.dtype, device=arcs.device)
    places = SparseMatrix(pointers, columns, ones, (size, arcs.shape[1] * heads)).knowing(row_of_entry=row)
    return places, entry


def arc_scores(scores: Tensor, graph: Graph, places: SparseMatrix) -> Tensor:
    """[entries of `attention_places`]: what an arc's attributes add to its score before the LeakyReLU.

    scores: [arcs, heads], linear in the attributes. A self-loop has the mean of the arcs into its node, 0 where there
    is none, as PyG's GATConv has by `fill_value="mean"`.
    """
    heads = scores.shape[1]
    targets = graph.edge_index[1]
    total = scores.new_zeros(graph.num_nodes, heads).index_add(0, targets, scores)
    loops = total / graph.in_degrees().clamp(min=1).to(scores.dtype)[:, None]

    def make() -> Tensor:
        nodes = graph.num_nodes
        own = torch.arange(nodes, device=graph.device)
        codes = torch.cat([targets * nodes + graph.edge_index[0], own * nodes + own])
        ordered, order = torch.sort(codes)
        rows, columns = places.row_of_entry, places.columns
        found = torch.searchsorted(ordered, (rows // heads) * nodes + columns // heads)
        return order[found] * heads + rows % heads

    which = graph.cached(("arcs of attention", heads), make)
    return torch.cat([scores, loops]).view(-1).index_select(0, which)


def attend(
    states: Tensor,
    source_scores: Tensor,
    target_scores: Tensor,
    places: SparseMatrix,
    *,
    negative_slope: float,
    attention_dropout: float = 0.0,
    of_arcs: Tensor | None = None,
) -> Tensor:
    """Equations 3 and 4 of GAT: the in-neighbours' states weighted by softmax(LeakyReLU(score of both ends)).

    states: [nodes · heads, width]; source_scores: [nodes · heads]; target_scores: [targets · heads], of the first
    nodes; places: `attention_places`, [targets · heads, nodes · heads].
    attention_dropout: on the coefficients, after the softmax; 0 outside training. of_arcs: `arc_scores`, [entries],
    where arcs have attributes. Differentiable once.
    """
    mask = dropout_mask((places.nonzeros,), attention_dropout, like=states)
    out: Tensor = _Attention.apply(states, source_scores, target_scores, places, negative_slope, mask, of_arcs)
    return out


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        source_scores: Tensor,
        target_scores: Tensor,
        places: SparseMatrix,
        negative_slope: float,
        mask: Tensor | None,
        of_arcs: Tensor | None,
    ) -> Tensor:
        rows, columns = places.row_of_entry, places.columns
        raw = source_scores.index_select(0, columns).add_(target_scores.index_select(0, rows))
        raw = raw if of_arcs is None else raw.add_(of_arcs)
        scores = F.leaky_relu(raw, negative_slope)
        # Every row holds its self-loop, so that no row is empty.
        peak = torch.segment_reduce(scores, "max", offsets=places.row_pointers, unsafe=True)
        weight = scores.sub_(peak.index_select(0, rows)).exp_()
        total = torch.zeros_like(peak).scatter_add_(0, rows, weight)
        attention = weight.div_(total.index_select(0, rows))
        used = attention if mask is None else attention * mask
        out = places.to_torch(used) @ states
        ctx.places, ctx.negative_slope = places, negative_slope
        ctx.save_for_backward(states, raw, attention, used, mask, out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        gradient = gradients[0].contiguous()
        states, raw, attention, used, mask, out = ctx.saved_tensors
        places: SparseMatrix = ctx.places
        rows, columns = places.row_of_entry, places.columns
        pointers, transposed_columns, order = places.transposed_places()
        transposed = torch.sparse_csr_tensor(
            pointers, transposed_columns, used.index_select(0, order), places.shape[::-1], check_invariants=False
        )
        by_state = transposed @ gradient
        # The derivative by each coefficient, at the stored places alone, then back through the softmax. The
        # row sum of coefficient · derivative, which that asks for, is the output times its gradient.
        by_coefficient = torch.sparse.sampled_addmm(places.to_torch(used), gradient, states.t(), beta=0.0).values()
        if mask is not None:
            by_coefficient = by_coefficient.mul_(mask)
        row_sum = (gradient * out).sum(dim=1)
        by_score = by_coefficient.sub_(row_sum.index_select(0, rows)).mul_(attention)
        by_raw = torch.ops.aten.leaky_relu_backward(by_score, raw, ctx.negative_slope, False)
        by_source = row_sum.new_zeros(places.shape[1]).scatter_add_(0, columns, by_raw)
        by_target = torch.zeros_like(row_sum).scatter_add_(0, rows, by_raw)
        by_arc = by_raw if ctx.needs_input_grad[6] else None
        return by_state, by_source, by_target, None, None, None, by_arc
