"""Meta-paths between the items of a typed graph, and the neighbours that each item has by one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from graph_distillery.methods.contract.columns import TypeNames
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix

#: Stands for one path through each type of nodes.
AUTO = "auto"
#: Items are joined by a dense block from this share of all pairs on, and from so many items on.
_DENSE_SHARE, _FEWEST = 0.2, 16


@dataclass(frozen=True)
class MetaPath:
    """Arcs of these edge types, one after another, or there and back through the nodes of one type.

    edges: numbers of edge types, the first of which leaves a neighbour and the last of which enters the item.
    through: the number of a node type, where `edges` is empty; of the items' own type it is one arc of any type.
    """

    edges: tuple[int, ...] = ()
    through: int | None = None


def parse_paths(text: str, types: TypeNames) -> tuple[MetaPath, ...]:
    """`auto`, or edge types by name joined by `>` into a path, and paths joined by `|`.

    Raises:
        ValueError: an edge type that there is not, with the nearest; or an empty path.
    """
    if text.strip() == AUTO:
        return tuple(MetaPath(through=kind) for kind in range(len(types.nodes)))
    paths = []
    for path in text.split("|"):
        names = [name.strip() for name in path.split(">")]
        if not all(names):
            raise ValueError(f"metapaths: {path.strip()!r} names no edge type between its '>'")
        paths.append(MetaPath(tuple(types.edge(name) for name in names)))
    return tuple(paths)


@dataclass(frozen=True)
class Block:
    """Items that have most of each other as neighbours: `nodes[start:end]`, and who has whom.

    mask: [count, count] of 0 and 1, row the item and column its neighbour; None where all have all.
    """

    start: int
    end: int
    mask: Tensor | None


@dataclass(frozen=True)
class Neighbours:
    """The neighbours of all items by one meta-path, themselves included.

    order: [items] int64, the items such that those of a block stand together, those of no block last; place: where
    each item stands in it. blocks: see there. rest: [others, others], 1 at the neighbours of items of no block; None
    where there is no such item.
    """

    order: Tensor
    place: Tensor
    blocks: tuple[Block, ...]
    rest: SparseMatrix | None
    arcs: int

    def to(self, device: torch.device | str) -> Neighbours:
        """The same on another device."""
        blocks = tuple(
            block if block.mask is None else replace(block, mask=block.mask.to(device)) for block in self.blocks
        )
        rest = None if self.rest is None else self.rest.to(device)
        return replace(self, order=self.order.to(device), place=self.place.to(device), blocks=blocks, rest=rest)

    @property
    def matrix(self) -> SparseMatrix:
        """[items, items] of ones: row the item, column its neighbour; made anew."""
        rows, columns, device = [], [], self.order.device
        for block in self.blocks:
            size = block.end - block.start
            found = torch.ones(size, size, device=device) if block.mask is None else block.mask
            places = found.nonzero().T + block.start
            rows.append(places[0])
            columns.append(places[1])
        if self.rest is not None:
            first = self.order.numel() - self.rest.shape[0]
            rows.append(self.rest.row_of_entry + first)
            columns.append(self.rest.columns + first)
        targets, sources = self.order[torch.cat(rows)], self.order[torch.cat(columns)]
        items = self.order.numel()
        return SparseMatrix.from_entries(targets, sources, torch.ones(targets.numel(), device=device), (items, items))


def neighbours(graph: Graph, path: MetaPath) -> Neighbours:
    """Made once per graph."""
    return graph.cached(("meta-path", path), lambda: _split(_reached(graph, path), graph.dtype).to(graph.device))


def _reached(graph: Graph, path: MetaPath) -> sparse.csr_matrix:
    """[items, items]: whether the item of the row is reached from that of the column, or is it."""
    nodes, items = graph.num_nodes, graph.num_targets

    def of(arcs: Tensor) -> sparse.csr_matrix:
        sources, targets = arcs.cpu().numpy()
        return sparse.csr_matrix((np.ones(sources.size, np.float32), (targets, sources)), (nodes, nodes))

    if path.edges:
        found = of(graph.arcs_of(path.edges[0]))[:, :items]
        for kind in path.edges[1:]:
            found = of(graph.arcs_of(kind)) @ found
            found.data[:] = 1
        found = found[:items]
    else:
        whole, types = of(graph.edge_index), graph.node_type.cpu().numpy()
        if path.through == 0:
            found = whole[:items, :items]
        else:
            of_type = np.flatnonzero(types == path.through)
            found = whole[:items][:, of_type] @ whole[of_type][:, :items]
    found = (found + sparse.identity(items, np.float32, format="csr")).tocsr()
    found.data[:] = 1
    return found


def _split(found: sparse.csr_matrix, dtype: torch.dtype) -> Neighbours:
    """Items that reach each other, in any number of steps, are a block of their own where most have each other."""
    _, group = connected_components(found, directed=False)
    sizes = np.bincount(group)
    arcs = np.bincount(group, weights=np.diff(found.indptr), minlength=sizes.size)
    dense = np.flatnonzero((sizes >= _FEWEST) & (arcs >= _DENSE_SHARE * sizes.astype(np.float64) ** 2))
    members = [np.flatnonzero(group == one) for one in dense]
    others = np.flatnonzero(~np.isin(group, dense))
    order = torch.from_numpy(np.concatenate([*members, others]))
    blocks, start = [], 0
    for nodes, count in zip(members, arcs[dense], strict=True):
        mask = None
        if count < nodes.size**2:
            mask = torch.from_numpy(found[nodes][:, nodes].toarray()).to(dtype)
        blocks.append(Block(start, start + nodes.size, mask))
        start += nodes.size
    rest = None
    if others.size:
        part = found[others][:, others].tocsr()
        part.sort_indices()
        pointers, columns = (torch.from_numpy(each.astype(np.int64)) for each in (part.indptr, part.indices))
        rest = SparseMatrix(pointers, columns, torch.ones(columns.numel(), dtype=dtype), (others.size, others.size))
    return Neighbours(order, torch.argsort(order), tuple(blocks), rest, int(found.nnz))
