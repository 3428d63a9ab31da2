"""Edge lists: checked, then without self-loops and repeats, which are counted."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from graph_distillery.bench.data.faults import DataFault


@dataclass(frozen=True)
class TidyEdges:
    """edge_index: [2, arcs] int64, by source, then target, no self-loop and no arc twice.

    self_loops: arcs from a node to itself that were left out. repeats: other arcs that an arc listed before them
    already says; the two arcs of an undirected edge are no repeats.
    """

    edge_index: Tensor
    self_loops: int = 0
    repeats: int = 0


def tidy_typed(edge_index: Tensor, types: Tensor, num_nodes: int) -> tuple[TidyEdges, Tensor]:
    """As `tidy`, of arcs with a type each, [arcs] int64, and the types of those that are left: an arc that several
    types have is one of each, in their order.

    Raises:
        DataFault: as `tidy`.
    """
    check_ends(edge_index, num_nodes)
    source, target = edge_index.long()
    kept, count = source != target, int(types.max()) + 1 if types.numel() else 1
    codes = torch.unique((source[kept] * num_nodes + target[kept]) * count + types[kept])
    loops = int(source.numel() - kept.sum())
    ends = codes // count
    arcs = torch.stack([ends // num_nodes, ends % num_nodes])
    return TidyEdges(arcs, loops, int(source.numel() - loops - codes.numel())), codes % count


def tidy(edge_index: Tensor, num_nodes: int, undirected: bool = False) -> TidyEdges:
    """The [2, arcs] whole numbers given, checked and tidied; both arcs of every edge on request.

    Raises:
        DataFault: another shape, or an arc from or to a node that is not there.
    """
    check_ends(edge_index, num_nodes)
    if not edge_index.numel():
        return TidyEdges(edge_index.long())
    source, target = edge_index.long()
    kept = source != target
    codes = torch.unique(source[kept] * num_nodes + target[kept])
    loops = int(source.numel() - kept.sum())
    repeats = int(source.numel() - loops - codes.numel())
    if undirected:
        codes = torch.unique(torch.cat([codes, codes % num_nodes * num_nodes + codes // num_nodes]))
    return TidyEdges(torch.stack([codes // num_nodes, codes % num_nodes]), loops, repeats)


def tidy_edges(edge_index: Tensor, num_nodes: int, undirected: bool = False) -> Tensor:
    """`tidy`, for edges whose counts nobody asks for."""
    return tidy(edge_index, num_nodes, undirected).edge_index


def check_ends(edge_index: Tensor, num_nodes: int) -> None:
    """Raises DataFault unless the edges are [2, arcs] whole numbers, each a node's."""
    if edge_index.dim() != 2 or edge_index.shape[0] != 2:
        raise DataFault("edges", f"the edges have shape {list(edge_index.shape)}, not [2, edges]")
    if edge_index.is_floating_point() or edge_index.is_complex() or edge_index.dtype == torch.bool:
        raise DataFault("edges", f"the edges are {str(edge_index.dtype).removeprefix('torch.')}, not whole numbers")
    edge_index = edge_index.long()
    outside = ((edge_index < 0) | (edge_index >= num_nodes)).any(dim=0)
    if bool(outside.any()):
        first = int(outside.nonzero()[0])
        one, other = edge_index[:, first].tolist()
        nodes = f"the nodes are 0 to {num_nodes - 1:,}" if num_nodes else "there are no nodes"
        raise DataFault("edges", f"edge {first:,} joins nodes {one} and {other}, but {nodes}")
