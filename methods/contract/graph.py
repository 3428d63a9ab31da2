"""The graph that teachers and students read: features, edges, columns, and the propagation matrices made of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from graph_distillery.methods.contract.columns import TYPE, Columns, TypeNames, check_rows, cut, expand, move
from graph_distillery.methods.contract.propagation import PropagationKind, propagation_matrix
from graph_distillery.methods.contract.sparse import SparseMatrix, lasting
from graph_distillery.near_names import unknown_line

#: Features with a smaller share of non-zero entries than this are kept as CSR.
SPARSE_FEATURE_DENSITY = 0.2

Made = TypeVar("Made")


@dataclass(frozen=True)
class Graph:
    """One graph, or the disjoint union of many.

    features: [nodes, width], dense or sparse.
    edge_index: [2, edges] int64, row 0 the source and row 1 the target of each arc. No self-loops and no arc
        twice, but for one that several edge types have; an undirected edge is two arcs.
    graph_pointers: [graphs + 1] int64; graph g owns the nodes graph_pointers[g] : graph_pointers[g + 1].
    node_columns, edge_columns, graph_columns: what else is known of each node, each arc (aligned with `edge_index`)
        and each graph, by name; every view cuts them along. The column `type` holds types.
    types: the names of those types; None where nothing is typed. Nodes of the first type come first (`num_targets`).
    pairs: [pairs, 2] int64 nodes, where items are pairs: those that are asked about. No cut of nodes or graphs has any.
    """

    features: Tensor | SparseMatrix
    edge_index: Tensor
    graph_pointers: Tensor
    node_columns: Columns = field(default_factory=dict, hash=False)
    edge_columns: Columns = field(default_factory=dict, hash=False)
    graph_columns: Columns = field(default_factory=dict, hash=False)
    types: TypeNames | None = None
    pairs: Tensor | None = None
    _node_ids: Tensor | None = field(default=None, compare=False, repr=False)
    _cache: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)
    _feature_cache: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def build(
        cls,
        features: Tensor | SparseMatrix,
        edge_index: Tensor,
        graph_pointers: Tensor | None = None,
        node_columns: Columns | None = None,
        edge_columns: Columns | None = None,
        graph_columns: Columns | None = None,
        types: TypeNames | None = None,
    ) -> Graph:
        """Sparse features where they are sparse enough, and one graph unless told otherwise.

        Raises:
            ValueError: a column without one row for each node, edge or graph.
        """
        if isinstance(features, Tensor):
            features = compress_features(features)
        if graph_pointers is None:
            graph_pointers = torch.tensor([0, features.shape[0]], device=edge_index.device)
        graph = cls(features, edge_index.long(), graph_pointers, types=types)
        return graph.with_columns(node_columns or {}, edge_columns or {}, graph_columns or {})

    @property
    def num_nodes(self) -> int:
        return int(self.features.shape[0])

    @property
    def num_targets(self) -> int:
        """Where types of nodes are named, the nodes of the first one, which come first: those that are items."""
        if self.types is None or not self.types.nodes or TYPE not in self.node_columns:
            return self.num_nodes
        return self.cached("num_targets", lambda: int((self.node_type == 0).sum()))

    @property
    def num_features(self) -> int:
        return int(self.features.shape[1])

    @property
    def num_edges(self) -> int:
        return int(self.edge_index.shape[1])

    @property
    def num_graphs(self) -> int:
        return int(self.graph_pointers.numel()) - 1

    @property
    def device(self) -> torch.device:
        return self.edge_index.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the features."""
        return self.features.dtype if isinstance(self.features, Tensor) else self.features.values.dtype

    @property
    def node_ids(self) -> Tensor:
        """[nodes] int64: which node of the dataset's graph each one is."""
        if self._node_ids is not None:
            return self._node_ids
        return self.cached("node_ids", lambda: torch.arange(self.num_nodes, device=self.device))

    @property
    def node_type(self) -> Tensor:
        """[nodes] int64: each node's type. Raises ValueError where nodes are not typed."""
        return self._typed(self.node_columns, "nodes")

    @property
    def edge_type(self) -> Tensor:
        """[edges] int64: each arc's type. Raises ValueError where arcs are not typed."""
        return self._typed(self.edge_columns, "edges")

    def _typed(self, columns: Columns, noun: str) -> Tensor:
        if TYPE not in columns:
            raise ValueError(f"the {noun} of this graph have no types")
        return columns[TYPE]

    def cached(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` returns, made once for these edges and kept under `key`.

        Views with the same edges share it, whatever their features and node columns, so it may depend on neither.
        """
        if key not in self._cache:
            with lasting():
                self._cache[key] = make()
        return cast(Made, self._cache[key])

    def cached_of_features(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """As `cached`, for these features as well: no view under others shares it."""
        if key not in self._feature_cache:
            with lasting():
                self._feature_cache[key] = make()
        return cast(Made, self._feature_cache[key])

    @property
    def graph_of_node(self) -> Tensor:
        """[nodes] int64: the graph of each node."""

        def make() -> Tensor:
            graphs = torch.arange(self.num_graphs, device=self.device)
            return torch.repeat_interleave(graphs, self.graph_pointers.diff())

        return self.cached("graph_of_node", make)

    @property
    def edges_by_target(self) -> tuple[Tensor, Tensor, Tensor]:
        """Sources and targets ([edges] each) sorted by target, and the [nodes + 1] pointers of the targets.

        `sources[pointers[i] : pointers[i + 1]]` are the in-neighbours of node i.
        """

        def make() -> tuple[Tensor, Tensor, Tensor]:
            order = self.order_by_target
            sources, targets = self.edge_index[0][order], self.edge_index[1][order]
            pointers = torch.zeros(self.num_nodes + 1, dtype=torch.long, device=self.device)
            torch.cumsum(torch.bincount(targets, minlength=self.num_nodes), 0, out=pointers[1:])
            return sources, targets, pointers

        return self.cached("edges_by_target", make)

    @property
    def order_by_target(self) -> Tensor:
        """[edges] int64: which arc of `edge_index` each of `edges_by_target` is."""
        return self.cached("order_by_target", lambda: torch.argsort(self.edge_index[1], stable=True))

    def dense_features(self) -> Tensor:
        """[nodes, width], whatever the storage."""
        features = self.features
        if isinstance(features, Tensor):
            return features
        return self.cached_of_features("dense", features.to_dense)

    def arcs_of(self, relation: str | int | None = None) -> Tensor:
        """[2, arcs] int64: those of one edge type, by its number or name; of all types where none is given.

        Raises:
            ValueError: edges are not typed, or there is no such type.
        """
        if relation is None:
            return self.edge_index
        untyped = self.types is None and isinstance(relation, int)
        number = relation if untyped else (self.types or TypeNames()).edge(relation)
        return self.cached(("arcs", number), lambda: self.edge_index[:, self.edge_type == number])

    def in_degrees(self, relation: str | int | None = None) -> Tensor:
        """[nodes] int64: the arcs into each node, of one edge type where one is given."""
        if relation is None:
            return self.cached(("in_degrees", None), self.edges_by_target[2].diff)
        arcs = self.arcs_of(relation)
        return self.cached(("in_degrees", relation), lambda: torch.bincount(arcs[1], minlength=self.num_nodes))

    def propagation(self, kind: PropagationKind, relation: str | int | None = None) -> SparseMatrix:
        """The [nodes, nodes] matrix P with (P h)_i the aggregate over the in-neighbours of i; built once.

        gcn: D^-1/2 (A + I) D^-1/2 with D the in-degree of A + I on both sides; symmetric: D^-1/2 A D^-1/2; mean:
        D^-1 A (an isolated node receives 0); mean_self: D^-1 (A + I); mean_self_twice: D^-1 (A + 2 I); sum: A;
        sum_self: A + I.

        relation: A holds the arcs of this edge type alone, by its number or name. Raises as `arcs_of`.
        """
        return self.cached(
            ("propagation", kind, relation),
            lambda: propagation_matrix(self.arcs_of(relation), self.num_nodes, kind, self.dtype),
        )

    def for_layer(self, index: int) -> Graph:
        """What layer number `index`, from 0, reads: the graph itself, unless neighbours were sampled per layer."""
        return self

    @property
    def num_receivers(self) -> int:
        """The nodes whose states a layer makes of this graph: all, or the first ones (`for_layer`)."""
        return self.num_nodes

    def with_features(self, features: Tensor | SparseMatrix) -> Graph:
        """The same edges (and their cached matrices) and columns under other features, [nodes, any width]."""
        if features.shape[0] != self.num_nodes:
            raise ValueError(f"features have {features.shape[0]} rows for {self.num_nodes} nodes")
        return replace(self, features=features, _feature_cache={})

    def with_columns(
        self, nodes: Columns | None = None, edges: Columns | None = None, graphs: Columns | None = None
    ) -> Graph:
        """The same graph with columns added, or replaced where they have the same name; see `cached` on what stays.

        Raises:
            ValueError: a column without one row for each node, edge or graph.
        """
        if not (nodes or edges or graphs):
            return self
        check_rows(nodes or {}, self.num_nodes, "node")
        check_rows(edges or {}, self.num_edges, "edge")
        check_rows(graphs or {}, self.num_graphs, "graph")
        return replace(
            self,
            node_columns={**self.node_columns, **(nodes or {})},
            edge_columns={**self.edge_columns, **(edges or {})},
            graph_columns={**self.graph_columns, **(graphs or {})},
            _cache={} if edges else self._cache,
            _feature_cache={},
        )

    def with_edges(self, edge_index: Tensor, edge_columns: Columns | None = None) -> Graph:
        """The same nodes and graphs under other edges, [2, edges] int64, with the columns given for those."""
        columns = edge_columns or {}
        check_rows(columns, edge_index.shape[1], "edge")
        return replace(self, edge_index=edge_index, edge_columns=columns, _cache={}, _feature_cache={})

    def without_edges(self) -> Graph:
        """The same nodes and graphs, and no edge."""
        return self.with_edges(self.edge_index[:, :0], cut(self.edge_columns, slice(0)))

    @property
    def asked_pairs(self) -> Tensor:
        """`pairs`. Raises ValueError where the graph has none."""
        if self.pairs is None:
            raise ValueError("this graph names no pairs of nodes to be predicted")
        return self.pairs

    def with_pairs(self, pairs: Tensor) -> Graph:
        """The same graph, asked about [pairs, 2] int64 nodes."""
        return replace(self, pairs=pairs)

    def renumbered(self) -> Graph:
        """The same graph as one of its own, whose `node_ids` count from 0."""
        return replace(self, _node_ids=None, _cache={}, _feature_cache={})

    def to(self, device: torch.device | str) -> Graph:
        """The graph on another device, copied once; itself when it is there already."""
        if self.device == torch.device(device):
            return self

        def make() -> Graph:
            return Graph(
                self.features.to(device),
                self.edge_index.to(device),
                self.graph_pointers.to(device),
                move(self.node_columns, device),
                move(self.edge_columns, device),
                move(self.graph_columns, device),
                self.types,
                None if self.pairs is None else self.pairs.to(device),
                None if self._node_ids is None else self._node_ids.to(device),
            )

        moved = self.cached_of_features(("on", str(device)), make)  # shared by views that ask about other pairs
        return moved if self.pairs is None else moved.with_pairs(self.pairs.to(device))

    def induced_subgraph(self, nodes: Tensor) -> Graph:
        """The graph on `nodes` ([count] int64, no repeats), renumbered in the given order, as one graph.

        The columns of graphs stay where the graph is one; of a union of many they belong to no cut of nodes.
        """
        ends, inside = _ends_among(self.edge_index, nodes, self.num_nodes)
        return self._on_nodes(nodes, ends[:, inside], cut(self.edge_columns, inside))

    def rows(self, nodes: Tensor) -> Graph:
        """The features and columns of `nodes` ([count] int64) without any edge, as one graph."""
        return self._on_nodes(nodes, self.edge_index[:, :0], cut(self.edge_columns, slice(0)))

    def _on_nodes(self, nodes: Tensor, edge_index: Tensor, edge_columns: Columns) -> Graph:
        return Graph(
            select_rows(self.features, nodes),
            edge_index,
            torch.tensor([0, nodes.numel()], device=self.device),
            cut(self.node_columns, nodes),
            edge_columns,
            self.graph_columns if self.num_graphs == 1 else {},
            self.types,
            _node_ids=self.ids_of(nodes),
        )

    def ids_of(self, nodes: Tensor) -> Tensor:
        """`node_ids` of the given nodes, [count] int64."""
        return nodes if self._node_ids is None else self._node_ids.index_select(0, nodes)

    def nodes_of(self, graphs: Tensor) -> Tensor:
        """The nodes of the given graphs ([count] int64), graph after graph."""
        return expand(self.graph_pointers, graphs)[0]

    def select_graphs(self, graphs: Tensor, edges: bool = True) -> Graph:
        """The disjoint union of the given graphs ([count] int64, no repeats), in the given order; or of their nodes."""
        nodes, node_pointers = expand(self.graph_pointers, graphs)
        if edges:
            edge_index, edge_columns = self._edges_of_graphs(graphs, nodes)
        else:
            edge_index, edge_columns = self.edge_index[:, :0], cut(self.edge_columns, slice(0))
        return Graph(
            select_rows(self.features, nodes),
            edge_index,
            node_pointers,
            cut(self.node_columns, nodes),
            edge_columns,
            cut(self.graph_columns, graphs),
            self.types,
            _node_ids=self.ids_of(nodes),
        )

    def _edges_of_graphs(self, graphs: Tensor, nodes: Tensor) -> tuple[Tensor, Columns]:
        sources, targets, pointers = self.edges_by_target
        edges, _ = expand(pointers[self.graph_pointers], graphs)
        position = torch.empty(self.num_nodes, dtype=torch.long, device=self.device)
        position[nodes] = torch.arange(nodes.numel(), device=self.device)
        edge_index = torch.stack([position[sources[edges]], position[targets[edges]]])
        return edge_index, cut(self.edge_columns, self.order_by_target[edges]) if self.edge_columns else {}

    def columns_of_graphs(self, graphs: Tensor) -> Graph:
        """The given graphs ([count] int64) without any node: what is known of each as a whole, and no more."""
        none = graphs[:0]
        return replace(
            self.rows(none),
            graph_pointers=graphs.new_zeros(graphs.numel() + 1),
            graph_columns=cut(self.graph_columns, graphs),
        )

    def as_rows(self, column: str) -> Graph:
        """A graph column as features: every graph becomes one node that holds its row, [width]; no edge.

        Raises:
            ValueError: there is no such column; one line with the nearest.
        """
        if column not in self.graph_columns:
            raise ValueError(unknown_line("graph column", column, self.graph_columns))
        rows = self.graph_columns[column]
        pointers = torch.arange(self.num_graphs + 1, device=self.device)
        return Graph(rows, self.edge_index[:, :0], pointers, graph_columns=self.graph_columns)


def arcs_among(arcs: Tensor, nodes: Tensor, num_nodes: int) -> Tensor:
    """Those of the [2, arcs] given that join two of `nodes` ([count] int64, no repeats), renumbered in their order."""
    ends, inside = _ends_among(arcs, nodes, num_nodes)
    return ends[:, inside]


def _ends_among(arcs: Tensor, nodes: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
    """Both ends of each arc by their places among `nodes` (-1: not there), and which arcs have both there."""
    position = torch.full((num_nodes,), -1, dtype=torch.long, device=arcs.device)
    position[nodes] = torch.arange(nodes.numel(), device=arcs.device)
    ends = position[arcs]
    return ends, (ends >= 0).all(dim=0)


def compress_features(features: Tensor) -> Tensor | SparseMatrix:
    """CSR below `SPARSE_FEATURE_DENSITY`, dense otherwise."""
    density = float(features.count_nonzero()) / max(features.numel(), 1)
    return SparseMatrix.from_torch(features) if density < SPARSE_FEATURE_DENSITY else features.contiguous()


def select_rows(features: Tensor | SparseMatrix, rows: Tensor) -> Tensor | SparseMatrix:
    """The given rows ([count] int64) of dense or sparse features, in the given order."""
    return features.index_select(0, rows) if isinstance(features, Tensor) else features.select_rows(rows)
