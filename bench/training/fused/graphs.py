"""What the networks of several runs read in one step: one graph that all share, or rows that differ by run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.vectorised import CannotVectorise, program

#: Sets of graphs whose union is kept for the next step; those of a run are made anew or are always the same few.
_KEPT = 8


@dataclass(frozen=True)
class Common:
    """One graph for all runs; `varying` ([runs, ...] each, by name) is what of it differs by run."""

    varying: Mapping[str, Tensor]
    assemble: Callable[[Mapping[str, Tensor]], Graph]


class CommonGraphs:
    """Makes them, and keeps the last ones: most runs read the same graphs in every step."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, ...], tuple[list[Graph], Common]] = {}

    def of(self, graphs: Sequence[Graph]) -> Common:
        """graphs: one a run.

        Raises:
            CannotVectorise: they differ in edges, or in shape.
        """
        key = tuple(id(graph) for graph in graphs)
        if key not in self._kept:
            while len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = ([*graphs], _common(graphs))  # the graphs too, so that no id is given twice
        return self._kept[key][1]


def _common(graphs: Sequence[Graph]) -> Common:
    first = graphs[0]
    if all(_same_graph(first, other) for other in graphs[1:]):
        return Common({}, lambda varying: first)
    if any(graph.num_edges or graph.num_graphs > 1 or graph.num_nodes != first.num_nodes for graph in graphs):
        raise CannotVectorise("the seeds read different graphs")
    return _rows(graphs)


def _rows(graphs: Sequence[Graph]) -> Common:
    """Rows without edges, as many a run."""
    first = graphs[0]
    varying: dict[str, Tensor] = {}
    shared: dict[str, Tensor] = {}
    for name, column in first.node_columns.items():
        columns = [graph.node_columns.get(name) for graph in graphs]
        if all(_same(column, other) for other in columns):
            shared[name] = column
        elif all(other is not None and other.shape == column.shape for other in columns):
            varying[name] = torch.stack([other for other in columns if other is not None])
    bare = replace(first, node_columns={}, _node_ids=None, _cache={}, _feature_cache={})
    dense = [graph.features for graph in graphs if isinstance(graph.features, Tensor)]
    sparse = [graph.features for graph in graphs if isinstance(graph.features, SparseMatrix)]
    if sparse and dense:
        raise CannotVectorise("the rows of some seeds are sparse and those of others are not")
    if dense:
        stacked = torch.stack(dense)

        def of_dense(own: Mapping[str, Tensor]) -> Graph:
            columns = {**shared, **{name: value for name, value in own.items() if name != ""}}
            return replace(bare, features=own[""], node_columns=columns, _cache={}, _feature_cache={})

        return Common({**varying, "": stacked}, of_dense)
    rows = SeedRows.of(sparse)
    return Common(varying, lambda own: replace(bare, features=rows, node_columns={**shared, **own}, _cache={}))


@dataclass(frozen=True)
class SeedRows(SparseMatrix):
    """Sparse rows of which each run has its own, [rows, width] each, seen from within the program of all runs.

    together: all of them along the diagonal of one matrix, [runs · rows, runs · width].
    """

    together: SparseMatrix = field(kw_only=True)

    @classmethod
    def of(cls, matrices: Sequence[SparseMatrix]) -> SeedRows:
        """matrices: of one shape."""
        first = matrices[0]
        empty = first.columns[:0]
        return cls(empty, empty, first.values[:0], first.shape, together=SparseMatrix.diagonal(matrices))

    def matmul(self, dense: Tensor, values: Tensor | None = None) -> Tensor:
        """[rows, width] x [width, columns] of each run."""
        several = program()
        if several is None or values is not None:
            raise CannotVectorise("rows of several seeds outside of their program")
        return several.product(self, dense, None)

    __matmul__ = matmul

    def times(self, dense: Tensor) -> Tensor:
        """All runs' at once: [runs, width, columns] -> [runs, rows, columns]."""
        made = self.together.matmul(dense.reshape(-1, dense.shape[-1]))
        return made.view(dense.shape[0], self.shape[0], -1)

    def with_values(self, values: Tensor) -> SparseMatrix:
        raise CannotVectorise("dropout of sparse features that differ by seed")

    def to_torch(self, values: Tensor | None = None) -> Tensor:
        raise CannotVectorise("sparse features that differ by seed, read as dense ones")


def _same_graph(one: Graph, other: Graph) -> bool:
    if one is other:
        return True
    return (
        one.num_nodes == other.num_nodes
        and one.types == other.types
        and _same(one.graph_pointers, other.graph_pointers)
        and _same(one.edge_index, other.edge_index)
        and _same(one.pairs, other.pairs)
        and _same_features(one.features, other.features)
        and _same_columns(one.node_columns, other.node_columns)
        and _same_columns(one.edge_columns, other.edge_columns)
        and _same_columns(one.graph_columns, other.graph_columns)
    )


def _same(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return one is other or (one.shape == other.shape and torch.equal(one, other))


def _same_columns(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)


def _same_features(one: Tensor | SparseMatrix, other: Tensor | SparseMatrix) -> bool:
    if one is other:
        return True
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        return isinstance(one, Tensor) and isinstance(other, Tensor) and _same(one, other)
    parts = ("row_pointers", "columns", "values")
    return one.shape == other.shape and all(_same(getattr(one, name), getattr(other, name)) for name in parts)
