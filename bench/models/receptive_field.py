"""The receptive field of some nodes, layer by layer: what a stack of layers must work out for them, and no more.

A layer makes the states of those nodes alone that the layers after it read. Propagation has the very rows of the whole
graph's matrices, so predictions are those on the whole graph up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from graph_distillery.bench.models.base import Model
from graph_distillery.bench.models.neighbourhood import Part, arcs_into
from graph_distillery.methods.contract.columns import TYPE, cut
from graph_distillery.methods.contract.graph import Graph, select_rows
from graph_distillery.methods.contract.propagation import PropagationKind
from graph_distillery.methods.contract.sparse import SparseMatrix, lasting

#: Smaller graphs are read whole: what an operation costs by itself is most of the time there.
LEAST_NODES = 1000
#: The share of the whole graph's multiply-accumulates up to which a field is read instead.
WORTH_IT = 0.95


@dataclass(frozen=True)
class Reach:
    """Which nodes the layers read.

    nodes: [nodes] int64, those that are predicted first, then those that each layer before reads besides. sizes: how
    many of these each layer reads, the input's first, and at the end how many are predicted. arcs: into the nodes whose
    states each layer makes, without loops; of layers that read each node alone 0.
    """

    nodes: Tensor
    sizes: tuple[int, ...]
    arcs: tuple[int, ...]


@dataclass(frozen=True)
class FieldBlock(Part):
    """What one layer reads, [senders] nodes, whose first `targets` it makes the states of; the first `seeds` are those
    that the field predicts."""

    targets: int = 0
    seeds: int = 0

    @property
    def num_nodes(self) -> int:
        return 0 if self.inside is None else self.inside.numel()

    @property
    def num_receivers(self) -> int:
        return self.targets

    @property
    def num_targets(self) -> int:
        return self.seeds

    def propagation(self, kind: PropagationKind, relation: str | int | None = None) -> SparseMatrix:
        """[targets, senders]: those rows of the whole graph's matrix, entries in its order."""
        whole, inside = self.whole, self.inside
        assert whole is not None
        assert inside is not None

        def make() -> SparseMatrix:
            rows = whole.propagation(kind, relation).select_rows(inside[: self.targets])
            columns = _places(inside, whole.num_nodes)[rows.columns]
            return SparseMatrix(rows.row_pointers, columns, rows.values, (self.targets, inside.numel()))

        return self.cached(("propagation", kind, relation), make)


@dataclass(frozen=True)
class ReceptiveField(Graph):
    """The nodes that a stack of layers reads, those that it predicts first, and a block per layer, the input's first.

    It has no edges of its own: only its layers do. A method that reads edges itself is given the whole graph.
    """

    blocks: tuple[FieldBlock, ...] = ()

    def for_layer(self, index: int) -> Graph:
        return self.blocks[index]

    @property
    def num_receivers(self) -> int:
        return self.blocks[-1].targets

    @property
    def num_targets(self) -> int:
        return self.blocks[-1].targets

    def propagation(self, kind: PropagationKind, relation: str | int | None = None) -> SparseMatrix:
        """Raises TypeError: a method that reads the edges of a batch says so by `needs_edges`."""
        raise TypeError("this batch has the edges of its layers alone: a method that reads others sets `needs_edges`")

    @property
    def edges_by_target(self) -> tuple[Tensor, Tensor, Tensor]:
        """Raises TypeError, as `propagation`."""
        raise TypeError("this batch has the edges of its layers alone: a method that reads others sets `needs_edges`")


def has_receptive_field(model: Model, graph: Graph) -> bool:
    """Whether `receptive_field` knows what such a model reads of such a graph."""
    plain = graph.num_graphs == 1 and graph.pairs is None and set(graph.edge_columns) <= {TYPE}
    return plain and model.reads_blocks and model.level == "node"


def field_of(
    model: Model, graph: Graph, seeds: Tensor, keep: Callable[[Hashable, Callable[[], Any]], Any]
) -> ReceptiveField | None:
    """What the model reads to predict the seeds, [count] int64 without repeats; None where it had better be all of it.

    keep: gives what was made under a key, or makes it.
    """
    if graph.num_nodes < LEAST_NODES or not has_receptive_field(model, graph):
        return None
    hops = tuple(layer.hops for layer in model.convolutions())
    found: Reach = keep(("reach", hops), lambda: reach(graph, seeds, hops))
    if not is_worth_it(model, graph, found):
        return None
    made: ReceptiveField = keep(("field", hops), lambda: receptive_field(graph, found))
    return made


def reach(graph: Graph, seeds: Tensor, hops: tuple[int, ...]) -> Reach:
    """What layers of so many hops each (`Convolution.hops`, 0 or 1) read to predict the seeds, [count] int64 without
    repeats."""
    sources, _, pointers = graph.edges_by_target
    nodes = seeds
    known = torch.zeros(graph.num_nodes, dtype=torch.bool, device=graph.device)
    known[seeds] = True
    sizes, arcs = [seeds.numel()], list[int]()
    for hop in reversed(hops):
        found = 0
        if hop:
            ends, _ = arcs_into(nodes, sources, pointers)
            found = ends.shape[1]
            fresh = torch.unique(ends[0][~known[ends[0]]])
            known[fresh] = True
            nodes = torch.cat([nodes, fresh])
        sizes.append(nodes.numel())
        arcs.append(found)
    return Reach(nodes, tuple(reversed(sizes)), tuple(reversed(arcs)))


def is_worth_it(model: Model, graph: Graph, found: Reach) -> bool:
    """Whether the layers' work on the field is so much less than on the whole graph that it is read instead."""
    layers = model.convolutions()
    part = sum(layer.macs(size, arcs) for layer, size, arcs in zip(layers, found.sizes, found.arcs, strict=False))
    return part <= WORTH_IT * sum(layer.macs(graph.num_nodes, graph.num_edges) for layer in layers)


def receptive_field(graph: Graph, found: Reach) -> ReceptiveField:
    """The graph as far as the layers of a `reach` read it, features and node columns included."""
    nodes, sources, pointers = found.nodes, *graph.edges_by_target[::2]
    with lasting():
        features, columns, ids = select_rows(graph.features, nodes), cut(graph.node_columns, nodes), graph.ids_of(nodes)
        place = _places(nodes, graph.num_nodes)
        blocks = []
        for senders, targets, arcs in zip(found.sizes, found.sizes[1:], found.arcs, strict=False):
            ends, among = arcs_into(nodes[: targets if arcs else 0], sources, pointers)
            blocks.append(
                FieldBlock(
                    features,
                    place[ends],
                    torch.tensor([0, senders], device=graph.device),
                    cut(columns, slice(senders)),
                    cut(graph.edge_columns, graph.order_by_target[among]) if graph.edge_columns else {},
                    graph.graph_columns,
                    graph.types,
                    _node_ids=ids[:senders],
                    whole=graph,
                    inside=nodes[:senders],
                    targets=targets,
                    seeds=found.sizes[-1],
                )
            )
        one = torch.tensor([0, nodes.numel()], device=graph.device)
        none, of_none = graph.edge_index[:, :0], cut(graph.edge_columns, slice(0))
        return ReceptiveField(
            features,
            none,
            one,
            columns,
            of_none,
            graph.graph_columns,
            graph.types,
            _node_ids=ids,
            blocks=tuple(blocks),
        )


def _places(nodes: Tensor, size: int) -> Tensor:
    """[size] int64: where each node stands among `nodes`; anything for one that does not."""
    place = torch.zeros(size, dtype=torch.long, device=nodes.device)
    place[nodes] = torch.arange(nodes.numel(), device=nodes.device)
    return place
