"""The graph that teachers and students read: features, edges, and the propagation matrices made from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from graph_distillery.methods.contract.sparse import SparseMatrix, lasting

PropagationKind = Literal["gcn", "mean", "mean_self", "mean_self_twice", "sum", "sum_self"]

#: Features with a smaller share of non-zero entries than this are kept as CSR.
SPARSE_FEATURE_DENSITY = 0.2


@dataclass(frozen=True)
class Graph:
    """One graph, or the disjoint union of many.

    features: [nodes, width], dense or sparse.
    edge_index: [2, edges] int64, row 0 the source and row 1 the target of each arc. No self-loops and no arc
        twice; an undirected edge is two arcs.
    graph_pointers: [graphs + 1] int64; graph g owns the nodes graph_pointers[g] : graph_pointers[g + 1].
    """

    features: Tensor | SparseMatrix
    edge_index: Tensor
    graph_pointers: Tensor
    _cache: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def build(cls, features: Tensor | SparseMatrix, edge_index: Tensor, graph_pointers: Tensor | None = None) -> Graph:
        """Sparse features where they are sparse enough, and one graph unless told otherwise."""
        if isinstance(features, Tensor):
            features = compress_features(features)
        if graph_pointers is None:
            graph_pointers = torch.tensor([0, features.shape[0]], device=edge_index.device)
        return cls(features, edge_index.long(), graph_pointers)

    @property
    def num_nodes(self) -> int:
        return int(self.features.shape[0])

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
    def graph_of_node(self) -> Tensor:
        """[nodes] int64: the graph of each node."""
        if "graph_of_node" not in self._cache:
            with lasting():
                graphs = torch.arange(self.num_graphs, device=self.device)
                self._cache["graph_of_node"] = torch.repeat_interleave(graphs, self.graph_pointers.diff())
        return self._cache["graph_of_node"]

    @property
    def edges_by_target(self) -> tuple[Tensor, Tensor, Tensor]:
        """Sources and targets ([edges] each) sorted by target, and the [nodes + 1] pointers of the targets.

        `sources[pointers[i] : pointers[i + 1]]` are the in-neighbours of node i.
        """
        if "edges_by_target" not in self._cache:
            with lasting():
                order = torch.argsort(self.edge_index[1], stable=True)
                sources, targets = self.edge_index[0][order], self.edge_index[1][order]
                pointers = torch.zeros(self.num_nodes + 1, dtype=torch.long, device=self.device)
                torch.cumsum(torch.bincount(targets, minlength=self.num_nodes), 0, out=pointers[1:])
                self._cache["edges_by_target"] = (sources, targets, pointers)
        return self._cache["edges_by_target"]

    def dense_features(self) -> Tensor:
        """[nodes, width], whatever the storage."""
        if isinstance(self.features, Tensor):
            return self.features
        if "dense_features" not in self._cache:
            with lasting():
                self._cache["dense_features"] = self.features.to_dense()
        return self._cache["dense_features"]

    def propagation(self, kind: PropagationKind) -> SparseMatrix:
        """The [nodes, nodes] matrix P with (P h)_i the aggregate over the in-neighbours of i; built once.

        gcn: D^-1/2 (A + I) D^-1/2 with D the in-degree of A + I on both sides; mean: D^-1 A (an isolated node
        receives 0); mean_self: D^-1 (A + I); mean_self_twice: D^-1 (A + 2 I); sum: A; sum_self: A + I.
        """
        if kind not in self._cache:
            with lasting():
                self._cache[kind] = _propagation(self, kind)
        return self._cache[kind]

    def for_layer(self, index: int) -> Graph:
        """What layer number `index`, from 0, reads: the graph itself, unless neighbours were sampled per layer."""
        return self

    def with_features(self, features: Tensor | SparseMatrix) -> Graph:
        """The same edges (and their cached matrices) under other features, [nodes, any width]."""
        if features.shape[0] != self.num_nodes:
            raise ValueError(f"features have {features.shape[0]} rows for {self.num_nodes} nodes")
        of_features = ("dense_features", *(key for key in self._cache if key[0] == "on"))
        structure = {key: value for key, value in self._cache.items() if key not in of_features}
        return Graph(features, self.edge_index, self.graph_pointers, structure)

    def to(self, device: torch.device | str) -> Graph:
        """The graph on another device, copied once; itself when it is there already."""
        if self.device == torch.device(device):
            return self
        key = ("on", str(device))
        if key not in self._cache:
            features = self.features.to(device)
            self._cache[key] = Graph(features, self.edge_index.to(device), self.graph_pointers.to(device))
        return self._cache[key]

    def induced_subgraph(self, nodes: Tensor) -> Graph:
        """The graph on `nodes` ([count] int64, no repeats), renumbered in the given order, as one graph."""
        pointers = torch.tensor([0, nodes.numel()], device=self.device)
        return Graph(_select_rows(self.features, nodes), arcs_among(self.edge_index, nodes, self.num_nodes), pointers)

    def rows(self, nodes: Tensor) -> Graph:
        """The features of `nodes` ([count] int64) without any edge, as one graph."""
        pointers = torch.tensor([0, nodes.numel()], device=self.device)
        return Graph(_select_rows(self.features, nodes), self.edge_index[:, :0], pointers)

    def nodes_of(self, graphs: Tensor) -> Tensor:
        """The nodes of the given graphs ([count] int64), graph after graph."""
        return _expand(self.graph_pointers, graphs)[0]

    def select_graphs(self, graphs: Tensor) -> Graph:
        """The disjoint union of the given graphs ([count] int64, no repeats), in the given order."""
        sources, targets, pointers = self.edges_by_target
        nodes, node_pointers = _expand(self.graph_pointers, graphs)
        first_edge = pointers[self.graph_pointers]
        edges, _ = _expand(first_edge, graphs)
        position = torch.empty(self.num_nodes, dtype=torch.long, device=self.device)
        position[nodes] = torch.arange(nodes.numel(), device=self.device)
        edge_index = torch.stack([position[sources[edges]], position[targets[edges]]])
        return Graph(_select_rows(self.features, nodes), edge_index, node_pointers)


def arcs_among(arcs: Tensor, nodes: Tensor, num_nodes: int) -> Tensor:
    """Those of the [2, arcs] given that join two of `nodes` ([count] int64, no repeats), renumbered in their order."""
    position = torch.full((num_nodes,), -1, dtype=torch.long, device=arcs.device)
    position[nodes] = torch.arange(nodes.numel(), device=arcs.device)
    ends = position[arcs]
    return ends[:, (ends >= 0).all(dim=0)]


def compress_features(features: Tensor) -> Tensor | SparseMatrix:
    """CSR below `SPARSE_FEATURE_DENSITY`, dense otherwise."""
    density = float(features.count_nonzero()) / max(features.numel(), 1)
    return SparseMatrix.from_torch(features) if density < SPARSE_FEATURE_DENSITY else features.contiguous()


def _select_rows(features: Tensor | SparseMatrix, rows: Tensor) -> Tensor | SparseMatrix:
    return features[rows] if isinstance(features, Tensor) else features.select_rows(rows)


def _expand(pointers: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """The members of the chosen segments, and the pointers of the segments among them."""
    lengths = pointers.diff()[chosen]
    out = torch.zeros(chosen.numel() + 1, dtype=torch.long, device=pointers.device)
    torch.cumsum(lengths, 0, out=out[1:])
    shift = torch.repeat_interleave(pointers[chosen] - out[:-1], lengths)
    return shift + torch.arange(int(out[-1]), device=pointers.device), out


def _propagation(graph: Graph, kind: PropagationKind) -> SparseMatrix:
    source, target = graph.edge_index
    if kind in ("gcn", "mean_self", "mean_self_twice", "sum_self"):
        loops = torch.arange(graph.num_nodes, device=graph.device).repeat(2 if kind == "mean_self_twice" else 1)
        source, target = torch.cat([source, loops]), torch.cat([target, loops])
    dtype = graph.features.dtype if isinstance(graph.features, Tensor) else graph.features.values.dtype
    degree = torch.bincount(target, minlength=graph.num_nodes).to(dtype).clamp(min=1)
    if kind == "gcn":
        weight = (degree[source] * degree[target]).rsqrt()
    elif kind in ("mean", "mean_self", "mean_self_twice"):
        weight = degree[target].reciprocal()
    else:
        weight = torch.ones(source.numel(), dtype=dtype, device=graph.device)
    return SparseMatrix.from_entries(target, source, weight, (graph.num_nodes, graph.num_nodes))
