"""What a dataset is once loaded: a graph, labels, published splits, and hashes of its content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graph_distillery.bench.data.edges import tidy_edges
from graph_distillery.methods.contract.columns import TYPE, Columns, cut
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.task_info import Metric
from graph_distillery.methods.tasks.registry import TASKS

#: Rows of dense features that are hashed at a time.
_ROWS = 65_536

#: Training, validation and test items, [count] int64 each.
Indices = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Dataset:
    """One graph or the disjoint union of several, with a label for every item.

    Items are nodes, graphs or pairs of nodes (`graph.pairs`), as the task has it.

    labels: [items] int64, or [items, num_classes] float32 of 0 and 1 for multi-label tasks. -1 is an item without
        a label, which is in no part of any split.
    sha256: the content: features, edges, labels and graph pointers, whatever their storage. Two datasets
        with one hash train alike. Fixed splits are not part of it; a `Split` has a hash of its own.
    node_order_sha256: what stands at each node (features, degrees, and label where nodes carry it), in
        order. Stored outputs of a teacher belong to one node order.
    fixed_splits: the splits that were published with the data, by name; several for one name count 0, 1, ...
    unlabelled: [count] int64, nodes that the source gives neither features nor a label (citeseer has 15,
        which the usual loaders put in class 0). The `cpf` split leaves them out.
    self_loops, repeats: how many arcs of these kinds the source lists, which are left out (`edges.TidyEdges`).
    class_names: the word of each class, where the labels of a file are words.
    """

    name: str
    task: str
    metric: Metric
    graph: Graph
    labels: Tensor
    num_classes: int
    sha256: str
    node_order_sha256: str
    fixed_splits: Mapping[str, list[Indices]] = field(default_factory=dict)
    unlabelled: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    self_loops: int = 0
    repeats: int = 0
    class_names: tuple[str, ...] = ()

    @classmethod
    def build(
        cls,
        name: str,
        task: str,
        metric: Metric,
        graph: Graph,
        labels: Tensor,
        num_classes: int,
        fixed_splits: Mapping[str, list[Indices]] | None = None,
        unlabelled: Tensor | None = None,
        self_loops: int = 0,
        repeats: int = 0,
    ) -> Dataset:
        """A dataset with its hashes worked out."""
        labels = labels.float() if TASKS.get(task).labels == "set" else labels.long()
        if unlabelled is None:
            unlabelled = torch.empty(0, dtype=torch.long)
        content, order = content_hashes(graph, labels)
        splits = dict(fixed_splits or {})
        counts = (self_loops, repeats)
        return cls(name, task, metric, graph, labels, num_classes, content, order, splits, unlabelled, *counts)

    @property
    def level(self) -> Literal["node", "graph", "pair"]:
        """What an item is."""
        return TASKS.get(self.task).items

    @property
    def num_items(self) -> int:
        return int(self.labels.shape[0])

    def with_labels(self, labels: Tensor) -> Dataset:
        """The same graph and splits under other labels (same shape), with the hashes of the new content."""
        if labels.shape != self.labels.shape:
            raise ValueError(f"labels have shape {list(labels.shape)}, not {list(self.labels.shape)}")
        return Dataset.build(
            self.name,
            self.task,
            self.metric,
            self.graph,
            labels,
            self.num_classes,
            self.fixed_splits,
            self.unlabelled,
            self.self_loops,
            self.repeats,
        )

    def without_edges_of(self, nodes: Tensor) -> Dataset:
        """The same nodes, and no edge that touches the given ones ([count] int64); fixed splits are dropped."""
        touched = torch.zeros(self.graph.num_nodes, dtype=torch.bool)
        touched[nodes] = True
        kept = ~touched[self.graph.edge_index].any(0)
        graph = self.graph.with_edges(self.graph.edge_index[:, kept], cut(self.graph.edge_columns, kept))
        named = (self.name, self.task, self.metric, graph, self.labels, self.num_classes)
        return Dataset.build(*named, unlabelled=self.unlabelled)


def columns_along(graph: Graph, arcs: Tensor) -> Columns:
    """The edge columns of [2, arcs] that are the graph's own or their reverses; an arc's own come first."""
    if not graph.edge_columns:
        return {}
    source, target = graph.edge_index
    known = torch.cat([source * graph.num_nodes + target, target * graph.num_nodes + source])
    ordered, order = torch.sort(known, stable=True)
    first = order[torch.searchsorted(ordered, arcs[0] * graph.num_nodes + arcs[1])]
    return cut(graph.edge_columns, first % graph.num_edges)


def largest_component(dataset: Dataset) -> Dataset:
    """The largest connected component as an undirected dataset of its own, its nodes in their old order.

    Arcs become edges, and nodes without a label are left out first. Of two components of one size the one
    with the first node is kept.
    Fixed splits are dropped: they number the nodes of the whole graph.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if dataset.level != "node":
        raise ValueError(f"{dataset.name}: the largest component is taken of one graph, not of many")
    labelled = torch.ones(dataset.graph.num_nodes, dtype=torch.bool)
    labelled[dataset.unlabelled] = False
    nodes = labelled.nonzero().flatten()
    graph = dataset.graph.induced_subgraph(nodes)
    edges = tidy_edges(graph.edge_index, graph.num_nodes, undirected=True)
    graph = graph.with_edges(edges, columns_along(graph, edges))
    source, target = graph.edge_index.numpy()
    adjacency = coo_matrix((np.ones(source.size, bool), (source, target)), shape=(graph.num_nodes,) * 2)
    _, component = connected_components(adjacency, directed=False)
    kept = torch.from_numpy(np.flatnonzero(component == np.bincount(component).argmax()))
    if kept.numel() == dataset.graph.num_nodes and graph.num_edges == dataset.graph.num_edges:
        return dataset
    return Dataset.build(
        dataset.name,
        dataset.task,
        dataset.metric,
        graph.induced_subgraph(kept).renumbered(),
        dataset.labels[nodes[kept]],
        dataset.num_classes,
    )


def content_hashes(graph: Graph, labels: Tensor) -> tuple[str, str]:
    """The hash of the content and the hash of the node order, 64 hexadecimal digits each.

    Features count as their non-zero entries by row and column, edges as a sorted set, and every number in one
    width, so that dense and CSR storage, or edges in another order, hash alike.
    """
    features = _entries(graph)
    source, target = _sorted_edges(graph)
    pointers = _int64(graph.graph_pointers)
    label_array = np.ascontiguousarray(labels.cpu().numpy())
    content = _digest(*features, source, target, pointers, label_array, *_columns(graph))
    degrees = [np.bincount(ends, minlength=graph.num_nodes).astype(np.int64) for ends in (source, target)]
    return content, _digest(*features, *degrees, pointers, label_array)


def _columns(graph: Graph) -> list[NDArray[np.generic]]:
    """Names and values of all columns, those of edges in the order of the sorted edges; nothing where there is none."""
    edges = graph.edge_columns
    if edges:
        codes = graph.edge_index[0] * graph.num_nodes + graph.edge_index[1]
        if TYPE in edges:  # an arc may stand there once for each type
            codes = codes * (1 + int(edges[TYPE].max())) + edges[TYPE] if codes.numel() else codes
        edges = cut(edges, torch.argsort(codes))
    found: list[NDArray[np.generic]] = []
    for noun, columns in (("node", graph.node_columns), ("edge", edges), ("graph", graph.graph_columns)):
        for name, column in sorted(columns.items()):
            found += [np.frombuffer(f"{noun} {name}".encode(), np.uint8), column.cpu().numpy()]
    if graph.pairs is not None:
        found += [np.frombuffer(b"pairs", np.uint8), _int64(graph.pairs)]
    if graph.types is not None:
        found.append(np.frombuffer(repr((graph.types.nodes, graph.types.edges)).encode(), np.uint8))
    return found


@dataclass(frozen=True)
class _Pieces:
    """An array that is never there as a whole: its type, its length, and its pieces, made anew whenever asked for."""

    dtype: np.dtype[np.generic]
    count: int
    make: Callable[[], Iterable[NDArray[np.generic]]]


def nonzero_entries(graph: Graph) -> list[NDArray[np.generic]]:
    """Shape, non-zeros of each row, their columns and values."""
    joined = []
    for each in _entries(graph):
        pieces = [np.empty(0, each.dtype), *each.make()] if isinstance(each, _Pieces) else [each]
        joined.append(np.concatenate(pieces))
    return joined


def _entries(graph: Graph) -> list[NDArray[np.generic] | _Pieces]:
    """As `nonzero_entries`; of dense features columns and values in pieces, which take 20 bytes an entry as a whole."""
    shape = np.array(graph.features.shape, np.int64)
    if isinstance(graph.features, Tensor):
        dense = graph.features.cpu().float().numpy()
        blocks = [dense[start : start + _ROWS] for start in range(0, len(dense), _ROWS)]
        empty = [np.empty(0, np.int64)]
        counts = np.concatenate(empty + [np.count_nonzero(block, axis=1).astype(np.int64) for block in blocks])
        total = int(counts.sum())
        columns = _Pieces(np.dtype(np.int64), total, lambda: (np.nonzero(block)[1] for block in blocks))
        return [shape, counts, columns, _Pieces(dense.dtype, total, lambda: (block[block != 0] for block in blocks))]
    values = graph.features.values.cpu().float().numpy()
    stored = values != 0
    rows = graph.features.row_of_entry.cpu().numpy()[stored]
    columns_of_entries = graph.features.columns.cpu().numpy()[stored]
    counts = np.bincount(rows, minlength=graph.num_nodes)
    return [shape, counts.astype(np.int64), columns_of_entries.astype(np.int64), values[stored]]


def _sorted_edges(graph: Graph) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    source, target = (_int64(ends) for ends in graph.edge_index)
    codes = source * graph.num_nodes + target
    if np.all(codes[:-1] <= codes[1:]):
        return source, target
    order = np.argsort(codes, kind="stable")
    return source[order], target[order]


def _int64(values: Tensor) -> NDArray[np.int64]:
    return np.ascontiguousarray(values.cpu().numpy().astype(np.int64, copy=False))


def _digest(*arrays: NDArray[np.generic] | _Pieces) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        shape = list(array.shape) if isinstance(array, np.ndarray) else [array.count]
        digest.update(f"{array.dtype.newbyteorder('<').str}{shape};".encode())
        for piece in [array] if isinstance(array, np.ndarray) else array.make():
            piece = np.ascontiguousarray(piece.astype(piece.dtype.newbyteorder("<"), copy=False))
            digest.update(piece.data if piece.size else b"")
    return digest.hexdigest()
