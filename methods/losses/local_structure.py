"""Local structure (Yang et al., CVPR 2020): how a node's state resembles those of its neighbours, as a distribution.

Everything stands on the places of a `SparseMatrix`: row i holds the in-neighbours of node i, and i itself unless it is
said otherwise. Similarities and log-probabilities are vectors over its entries, so no state is ever copied to the arcs
but in the L1 kernel.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from graph_distillery.methods.contract.sparse import SparseMatrix

Kernel = Literal["linear", "polynomial", "rbf", "l2", "l1"]
Direction = Literal["student-teacher", "teacher-student"]

#: Below this a squared distance is none, and has no gradient.
_NEAREST = 1e-12

#: Elements of the arcs' differences that the L1 kernel holds at a time.
_BLOCK = 1 << 22


def similarity(
    kernel: Kernel, states: Tensor, places: SparseMatrix, *, degree: int = 2, offset: float = 0.0, sigma: float = 100.0
) -> Tensor:
    """SIM(z_i, z_j) of every place (i, j): [nodes, width] -> [entries].

    linear z_i.z_j; polynomial (z_i.z_j + offset)^degree; rbf exp(-|z_i - z_j|^2 / (2 sigma)); l2 |z_i - z_j|^2, which
    the paper uses as it is, so that what lies further away weighs more; l1 exp(-|z_i - z_j|_1 / sigma), the one kernel
    of the released code.
    """
    if kernel == "l1":
        return torch.exp(-_manhattan(states, places) / sigma)
    dots: Tensor = _Dots.apply(states, places)
    if kernel == "linear":
        return dots
    if kernel == "polynomial":
        return (dots + offset) ** degree
    squares = states.square().sum(dim=1)
    both = squares.index_select(0, places.row_of_entry) + squares.index_select(0, places.columns)
    distances = (both - 2 * dots).clamp(min=0)
    return distances if kernel == "l2" else torch.exp(-distances / (2 * sigma))


def gcrd_similarity(kernel: Kernel, states: Tensor, places: SparseMatrix, *, sigma: float = 1.0) -> Tensor:
    """The kernels in the form of G-CRD's tables (Joshi et al., TNNLS 2022): [nodes, width] -> [entries].

    linear the cosine of two states, polynomial its square, l2 their distance, not squared; rbf and l1 as `similarity`.
    """
    if kernel in ("linear", "polynomial"):
        return similarity(kernel, F.normalize(states, dim=1), places)
    found = similarity(kernel, states, places, sigma=sigma)
    return found.clamp(min=_NEAREST).sqrt() if kernel == "l2" else found


def log_distribution(similarities: Tensor, places: SparseMatrix) -> Tensor:
    """Log of LS_ij = exp(SIM_ij) / sum_k exp(SIM_ik) over each row: [entries] -> [entries]."""
    rows = places.row_of_entry
    peak = torch.segment_reduce(similarities.detach(), "max", offsets=places.row_pointers, unsafe=True)
    shifted = similarities - peak.index_select(0, rows)
    total = torch.zeros_like(peak).scatter_add(0, rows, shifted.exp())
    return shifted - total.log().index_select(0, rows)


def structure_divergence(
    student: Tensor,
    teacher: Tensor,
    places: SparseMatrix,
    direction: Direction,
    over: Literal["nodes", "arcs"] = "nodes",
) -> Tensor:
    """The KL divergence of the local structures, from log-probabilities ([entries] each), averaged over all nodes.

    student-teacher: KL(student || teacher), as in the paper; teacher-student: the other, as in the released code.
    over: the sum of the nodes' divergences is divided by the number of nodes, or of arcs (entries).
    """
    weight, difference = (
        (student, student - teacher) if direction == "student-teacher" else (teacher, teacher - student)
    )
    return (weight.exp() * difference).sum() / max(places.shape[0] if over == "nodes" else places.nonzeros, 1)


def neighbourhoods(
    num_nodes: int, *arc_sets: Tensor, dtype: torch.dtype = torch.float32, loops: bool = True
) -> SparseMatrix:
    """The places of the union of arc sets ([2, arcs] each, source first), and with `loops` of every node's arc to
    itself."""
    own = torch.arange(num_nodes if loops else 0, device=arc_sets[0].device)
    source, target = torch.cat([*arc_sets, torch.stack([own, own])], dim=1)
    ones = torch.ones(source.numel(), dtype=dtype, device=source.device)
    return SparseMatrix.from_entries(target, source, ones, (num_nodes, num_nodes))


def codes(places: SparseMatrix, nodes: Tensor | None = None, num_nodes: int | None = None) -> Tensor:
    """[entries] int64, one number for each pair of nodes, ascending where `nodes` ascend.

    nodes: [rows] int64, what the rows and columns are called in a graph of `num_nodes` nodes; None: by their places.
    """
    rows, columns = places.row_of_entry, places.columns
    if nodes is not None:
        rows, columns = nodes[rows], nodes[columns]
    return rows * (num_nodes or places.shape[1]) + columns


class _Dots(torch.autograd.Function):
    """z_i.z_j at the stored places alone."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, places: SparseMatrix) -> Tensor:
        ctx.places = places
        ctx.save_for_backward(states)
        pattern = places.to_torch(places.values.to(states.dtype))
        dots: Tensor = torch.sparse.sampled_addmm(pattern, states, states.t(), beta=0.0).values()
        return dots

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (states,) = ctx.saved_tensors
        places: SparseMatrix = ctx.places
        weight = gradients[0].contiguous()
        pointers, columns, order = places.transposed_places()
        transposed = torch.sparse_csr_tensor(
            pointers, columns, weight.index_select(0, order), places.shape, check_invariants=False
        )
        return places.to_torch(weight) @ states + transposed @ states, None


def _manhattan(states: Tensor, places: SparseMatrix) -> Tensor:
    distances: Tensor = _Manhattan.apply(states, places)
    return distances


class _Manhattan(torch.autograd.Function):
    """|z_i - z_j|_1 at the stored places, a block of arcs at a time, in the backward pass once more."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, places: SparseMatrix) -> Tensor:
        ctx.places = places
        ctx.save_for_backward(states)
        blocks = [
            (states.index_select(0, rows) - states.index_select(0, columns)).abs_().sum(dim=1)
            for rows, columns in _blocks(states, places)
        ]
        return torch.cat(blocks) if blocks else states.new_zeros(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (states,) = ctx.saved_tensors
        out = torch.zeros_like(states)
        start = 0
        for rows, columns in _blocks(states, ctx.places):
            weight = gradients[0][start : start + rows.numel(), None]
            signs = (states.index_select(0, rows) - states.index_select(0, columns)).sign_().mul_(weight)
            out.index_add_(0, rows, signs).index_add_(0, columns, signs, alpha=-1)
            start += rows.numel()
        return out, None


def _blocks(states: Tensor, places: SparseMatrix) -> list[tuple[Tensor, Tensor]]:
    size = max(1, _BLOCK // max(states.shape[1], 1))
    return list(zip(places.row_of_entry.split(size), places.columns.split(size), strict=True))
