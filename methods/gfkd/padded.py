"""Many small graphs as one padded block each, so that a propagation over all of them is one batched product.

A `PaddedGraph` stands where a `Graph` does: a model that aggregates through `graph.propagation(...)` runs on it
unchanged, and one that reads the arcs finds them in `edge_index`, worked out when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.propagation import PropagationKind
from graph_distillery.methods.contract.sparse import SparseMatrix


class Layout:
    """Where the nodes of many graphs stand, one after another and in padded blocks.

    sizes: [graphs] int64, nodes of each; products are the faster, the more neighbours have one size, so sort them.
    `width`: of the largest; `slots`: [nodes] int64, each node's row among graphs x width; `pairs`: [graphs, width,
    width] bool, the ordered pairs of two different nodes of one graph.
    """

    def __init__(self, sizes: Tensor) -> None:
        self.sizes, self.graphs, self.width = sizes, int(sizes.numel()), int(sizes.max())
        places = torch.arange(self.width, device=sizes.device)
        filled = places < sizes[:, None]
        self.slots = torch.nonzero(filled.flatten()).flatten()
        self.pairs = filled[:, :, None] & filled[:, None, :] & (places[:, None] != places)
        self.pointers = torch.zeros(self.graphs + 1, dtype=torch.long, device=sizes.device)
        torch.cumsum(sizes, 0, out=self.pointers[1:])
        values, counts = sizes.unique_consecutive(return_counts=True)
        #: Size and number of the graphs of each run of graphs of one size.
        self.runs = list(zip(values.tolist(), counts.tolist(), strict=True))

    @property
    def nodes(self) -> int:
        return int(self.slots.numel())

    def gather(self, padded: Tensor) -> Tensor:
        """[graphs, width, columns] -> [nodes, columns]"""
        return padded.flatten(0, 1).index_select(0, self.slots)

    def multiply(self, blocks: Tensor, dense: Tensor) -> Tensor:
        """The block-diagonal product: [graphs, width, width] x [nodes, columns] -> [nodes, columns].

        Run by run, without the padding: gathering rows into blocks and back costs as much as the product does.
        """
        dense = dense.contiguous()
        out = torch.empty_like(dense)
        columns, graph, node = dense.shape[1], 0, 0
        for size, count in self.runs:
            rows = slice(node, node + size * count)
            part, place = (each[rows].view(count, size, columns) for each in (dense, out))
            torch.bmm(blocks[graph : graph + count, :size, :size], part, out=place)
            graph, node = graph + count, rows.stop
        return out


class BlockDiagonal:
    """A [nodes, nodes] matrix with one block per graph.

    blocks: [graphs, width, width]; between a node and the padding they are zero.

    stored: makes the same matrix in compressed rows, for models that want more of it than a product.
    """

    def __init__(self, blocks: Tensor, layout: Layout, stored: Callable[[], SparseMatrix]) -> None:
        self.blocks, self.layout, self.stored = blocks, layout, stored

    @cached_property
    def compressed(self) -> SparseMatrix:
        return self.stored()

    def matmul(self, dense: Tensor, values: Tensor | None = None) -> Tensor:
        """[nodes, columns] -> [nodes, columns], differentiable in `dense` alone; as `SparseMatrix.matmul`."""
        if values is not None:
            return self.compressed.matmul(dense, values)
        if not dense.requires_grad:  # what autograd costs to enter is a good part of a small product
            return self.layout.multiply(self.blocks, dense)
        product: Tensor = _BlockProduct.apply(dense, self.blocks, self.layout)
        return product

    __matmul__ = matmul

    def __getattr__(self, name: str) -> Any:
        """Whatever else a `SparseMatrix` has."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.compressed, name)


class _BlockProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, dense: Tensor, blocks: Tensor, layout: Layout) -> Tensor:
        ctx.blocks, ctx.layout = blocks, layout
        return layout.multiply(blocks, dense)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None, None]:
        if not ctx.needs_input_grad[0]:
            return None, None, None
        return ctx.layout.multiply(ctx.blocks.transpose(1, 2), gradients[0]), None, None


class PaddedGraph(Graph):
    """The disjoint union of the graphs of a layout.

    arcs: [graphs, width, width] bool within `layout.pairs`; arcs[g, i, j] is the arc from node j to node i of graph g.
    features: [nodes, columns], dense.
    """

    def __init__(self, layout: Layout, arcs: Tensor, features: Tensor) -> None:
        values = {"features": features, "graph_pointers": layout.pointers, "layout": layout, "arcs": arcs}
        empty = ("node_columns", "edge_columns", "graph_columns", "_cache", "_feature_cache")
        values |= {name: {} for name in empty} | {"types": None, "_node_ids": None}
        for name, value in values.items():
            object.__setattr__(self, name, value)  # `Graph` is frozen
        self.layout: Layout
        self.arcs: Tensor

    @property
    def edge_index(self) -> Tensor:
        def make() -> Tensor:
            graph, target, source = torch.nonzero(self.arcs, as_tuple=True)
            first = self.layout.pointers[graph]
            return torch.stack([first + source, first + target])

        return self.cached("edge_index", make)

    @property
    def device(self) -> torch.device:
        return self.arcs.device

    def propagation(self, kind: PropagationKind, relation: str | int | None = None) -> BlockDiagonal:  # type: ignore[override]
        """As `Graph.propagation`, in blocks; these graphs are made up and have no types of edges."""
        if relation is not None:
            raise ValueError(f"no edge type {relation!r}; made-up graphs have none")

        def make() -> BlockDiagonal:
            return BlockDiagonal(self._blocks(kind), self.layout, lambda: Graph.propagation(self.compact(), kind))

        return self.cached(("propagation", kind, None), make)

    def with_features(self, features: Tensor | SparseMatrix) -> PaddedGraph:
        """As `Graph.with_features`; features must be dense."""
        if not isinstance(features, Tensor) or features.shape[0] != self.num_nodes:
            raise ValueError(f"padded graphs take dense features of {self.num_nodes} rows")
        other = PaddedGraph(self.layout, self.arcs, features)
        object.__setattr__(other, "_cache", self._cache)
        return other

    def _blocks(self, kind: PropagationKind) -> Tensor:
        assert isinstance(self.features, Tensor)
        blocks = self.arcs.to(self.features.dtype)
        if kind in ("gcn", "mean_self", "mean_self_twice", "sum_self"):
            blocks.diagonal(dim1=1, dim2=2).fill_(
                2 if kind == "mean_self_twice" else 1
            )  # also in the padding, whose rows nobody reads
        if kind in ("sum", "sum_self"):
            return blocks
        degree = blocks.sum(dim=2).clamp_(min=1)
        if kind == "gcn":
            scale = degree.rsqrt_()
            return blocks.mul_(scale[:, :, None]).mul_(scale[:, None, :])
        return blocks.div_(degree[:, :, None])

    def compact(self) -> Graph:
        """The same graphs stored as every other."""
        return Graph.build(self.features, self.edge_index, self.graph_pointers)
