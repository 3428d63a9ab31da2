"""Neighbour sampling: mini-batches of nodes, each with a few neighbours per layer drawn uniformly.

The scheme of Hamilton et al. (NeurIPS 2017, algorithm 2) as DGL's multi-layer sampler has it, which GLNN's teachers
use: without replacement, anew for every layer, batch and epoch; nodes with fewer neighbours keep them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import Model
from graph_distillery.bench.training.batches import LabelsByItem
from graph_distillery.methods.contract import Batch, BatchSource, Teacher, TrainingData
from graph_distillery.methods.contract.columns import ATTRIBUTES, WEIGHT, cut, expand, padded
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.propagation import LOOPS, PropagationKind
from graph_distillery.methods.contract.sparse import SparseMatrix

#: How often a node stands in its own mean, by kind of propagation.
_OWN_TERMS: dict[str, int] = {"mean": 0, "mean_self": 1, "mean_self_twice": 2}


@dataclass(frozen=True)
class Block(Graph):
    """What one layer reads: `senders` nodes, of which the first `targets` receive, and the arcs drawn between them.

    loops: whether a node's arc to itself was among those that could be drawn. degrees: [senders] int64, the in-degrees
    of the whole graph.
    """

    senders: int = 0
    targets: int = 0
    loops: bool = False
    degrees: Tensor | None = None

    @property
    def num_nodes(self) -> int:
        return self.senders

    @property
    def num_receivers(self) -> int:
        return self.targets

    def propagation(self, kind: PropagationKind, relation: str | int | None = None) -> SparseMatrix:
        """[targets, senders]: as `Graph.propagation`, the mean taken over the drawn neighbours. Of the other kinds,
        sums with weights of the whole graph's degrees, each drawn arc counts for in-degree / drawn arcs, so that the
        sum over all neighbours is expected.

        Raises:
            ValueError: such a sum where loops were drawn as well, or of one edge type.
        """
        if kind in _OWN_TERMS:
            own = _OWN_TERMS[kind] - self.loops
            return self.cached(("propagation", kind, relation), lambda: self._mean(self.arcs_of(relation), own))
        if self.loops or self.degrees is None or relation is not None:
            raise ValueError(f"neighbours drawn with loops, or by type, have no propagation {kind!r}")
        degrees = self.degrees
        return self.cached(("propagation", kind, relation), lambda: self._sum(kind, degrees))

    def _sum(self, kind: PropagationKind, degrees: Tensor) -> SparseMatrix:
        source, target = self.edge_index
        drawn = torch.bincount(target, minlength=self.targets).clamp(min=1)
        weight = (degrees[: self.targets].to(self.dtype) / drawn)[target]
        own = torch.arange(self.targets, device=self.device).repeat(LOOPS[kind])
        source, target = torch.cat([source, own]), torch.cat([target, own])
        weight = torch.cat([weight, weight.new_ones(own.numel())])
        if kind in ("gcn", "symmetric"):
            product = (degrees[source] + LOOPS[kind]).to(self.dtype) * (degrees[target] + LOOPS[kind])
            weight = weight * torch.where(product > 0, product.rsqrt(), 0.0)
        return SparseMatrix.from_entries(target, source, weight, (self.targets, self.senders))

    def _mean(self, arcs: Tensor, own_terms: int) -> SparseMatrix:
        source, target = arcs
        own = torch.arange(self.targets, device=self.device).repeat(own_terms)
        source, target = torch.cat([source, own]), torch.cat([target, own])
        counts = torch.bincount(target, minlength=self.targets).to(self.dtype).clamp(min=1)
        return SparseMatrix.from_entries(target, source, counts.reciprocal()[target], (self.targets, self.senders))


@dataclass(frozen=True)
class SampledGraph(Graph):
    """The features that a batch reads, its items' own first, and a block per layer, the input's first."""

    blocks: tuple[Block, ...] = ()

    def for_layer(self, index: int) -> Graph:
        return self.blocks[index]

    def propagation(self, kind: PropagationKind, relation: str | int | None = None) -> SparseMatrix:
        """Raises UserError: a sampled batch has no matrix of its own, only one per layer."""
        raise UserError("fan_out: this method reads all edges of a batch, of which sampling draws a few; leave it out")


def draw_neighbours(pointers: Tensor, targets: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Up to `count` distinct members of each target's segment of a CSR, every subset of that size as likely.

    pointers: [nodes + 1] int64; targets: [targets] int64. Returns the places drawn, [drawn] int64, and the position
    within `targets` that each belongs to, ascending. Floyd's algorithm (Bentley and Floyd, CACM 1987) for all
    targets at once: `count` steps, whatever the degrees. Draws from torch's global generator.
    """
    starts = pointers[targets]
    degrees = pointers[targets + 1] - starts
    picks = torch.empty(targets.numel(), count, dtype=torch.long, device=targets.device)
    for step in range(count):
        last = degrees - count + step
        draw = (torch.rand(last.shape, dtype=torch.float64, device=last.device) * (last + 1)).long()
        draw = torch.minimum(draw, last)  # where rounding reached the bound
        taken = (picks[:, :step] == draw[:, None]).any(dim=1)
        picks[:, step] = torch.where(taken, last, draw)
    column = torch.arange(count, device=targets.device)
    few = degrees <= count
    picks[few] = column
    kept = ~few[:, None] | (column < degrees[:, None])
    owner = torch.arange(targets.numel(), device=targets.device)[:, None].expand_as(picks)[kept]
    return (picks + starts[:, None])[kept], owner


def all_neighbours(pointers: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Every member of each target's segment of a CSR; as `draw_neighbours`."""
    places, among = expand(pointers, targets)
    return places, torch.repeat_interleave(torch.arange(targets.numel(), device=targets.device), among.diff())


class NeighbourSampler:
    """Draws the neighbourhoods of batches of nodes from one graph.

    fan_out: neighbours per node and layer, the layer nearest the input first, None for all; loops: see `Block`.
    """

    def __init__(self, graph: Graph, fan_out: tuple[int | None, ...], loops: bool = False) -> None:
        self.graph, self.fan_out, self.loops = graph, fan_out, loops
        self.degrees = graph.in_degrees()
        if loops:
            own = torch.arange(graph.num_nodes, device=graph.device).expand(2, -1)
            columns = padded(graph.edge_columns, graph.num_nodes)
            graph = graph.with_edges(torch.cat([graph.edge_index, own], dim=1), columns)
        self.sources, _, self.pointers = graph.edges_by_target
        self.edge_columns = cut(graph.edge_columns, graph.order_by_target)
        self.place = torch.full((graph.num_nodes,), -1, dtype=torch.long, device=graph.device)

    def sample(self, seeds: Tensor, features: bool = True) -> SampledGraph:
        """A draw for the seeds, [seeds] int64 without repeats: blocks from the output back to the input.

        features: otherwise blocks hold none, no column of nodes, and as `node_ids` the nodes' places in the graph.
        """
        nodes, layers = seeds, []
        for count in reversed(self.fan_out):
            drawn = all_neighbours(self.pointers, nodes) if count is None else None
            places, owner = drawn or draw_neighbours(self.pointers, nodes, count or 0)
            targets = nodes.numel()
            nodes, ends = self._renumber(nodes, self.sources[places])
            layers.append((torch.stack([ends, owner]), cut(self.edge_columns, places), targets, nodes.numel()))
        rows = self.graph.rows(nodes) if features else self._bare(nodes)
        blocks = tuple(
            Block(
                rows.features,
                arcs,
                self._one_graph(senders),
                cut(rows.node_columns, slice(senders)),
                columns,
                rows.graph_columns,
                rows.types,
                _node_ids=rows.node_ids[:senders],
                senders=senders,
                targets=targets,
                loops=self.loops,
                degrees=self.degrees[nodes[:senders]],
            )
            for arcs, columns, targets, senders in reversed(layers)
        )
        return SampledGraph(
            rows.features,
            blocks[-1].edge_index,
            rows.graph_pointers,
            rows.node_columns,
            blocks[-1].edge_columns,
            rows.graph_columns,
            rows.types,
            _node_ids=rows.node_ids,
            blocks=blocks,
        )

    def _renumber(self, nodes: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """The nodes with those drawn appended, each once, and where among them each drawn one stands."""
        self.place[nodes] = torch.arange(nodes.numel(), device=nodes.device)
        fresh = torch.unique(drawn[self.place[drawn] < 0])
        together = torch.cat([nodes, fresh])
        self.place[fresh] = torch.arange(nodes.numel(), together.numel(), device=nodes.device)
        ends = self.place[drawn]
        self.place[together] = -1
        return together, ends

    def _bare(self, nodes: Tensor) -> Graph:
        nothing = torch.empty(nodes.numel(), 0, dtype=self.graph.dtype, device=self.graph.device)
        return Graph(nothing, self.graph.edge_index[:, :0], self._one_graph(nodes.numel()), _node_ids=nodes)

    def _one_graph(self, nodes: int) -> Tensor:
        return torch.tensor([0, nodes], device=self.graph.device)


def read_of_arcs(model: Model) -> tuple[str, ...]:
    """The edge columns that a model reads where there are any."""
    return (WEIGHT,) * model.reads_weights + (ATTRIBUTES,) * model.reads_attributes


def sampled_source(
    data: TrainingData, teachers: tuple[Teacher, ...], batch_size: int | None, student: Model, needs_edges: bool
) -> BatchSource:
    """The batches of a student that asks for sampled neighbours.

    Raises:
        UserError: the data are many graphs, or the method reads the edges of its batches.
    """
    if data.task.items.are_asked:
        raise UserError(f"fan_out: neighbours are sampled for nodes, which {data.task.name} has not; leave it out")
    if data.graph.num_graphs > 1:
        raise UserError("fan_out: neighbours are sampled within one graph and this dataset has many; leave it out")
    if needs_edges:
        raise UserError("fan_out: this method reads all edges of a batch, of which sampling draws a few; leave it out")
    if read := [name for name in read_of_arcs(student) if name in data.graph.edge_columns]:
        raise UserError(
            f"fan_out: this model reads the {read[0]} of arcs, and its sums are of all neighbours; leave it out"
        )
    assert student.fan_out is not None
    return SampledBatches(data, teachers, batch_size, NeighbourSampler(data.graph, student.fan_out, student.self_loops))


class SampledBatches(BatchSource):
    """Mini-batches of a fresh permutation of the nodes, each with its sampled neighbourhood; the last one smaller."""

    def __init__(
        self, data: TrainingData, teachers: tuple[Teacher, ...], batch_size: int | None, sampler: NeighbourSampler
    ) -> None:
        self.data, self.teachers, self.batch_size, self.sampler = data, teachers, batch_size, sampler
        self.everything = torch.arange(data.num_items, device=data.graph.device)
        self.labels = LabelsByItem(data)

    def epoch(self, items: Literal["labelled", "observed"]) -> Iterator[Batch]:
        chosen = self.data.labelled if items == "labelled" else self.everything
        shuffled = chosen[torch.randperm(chosen.numel(), device=chosen.device)]
        for part in shuffled.split(self.batch_size or max(chosen.numel(), 1)):
            yield self._batch(part)

    def _batch(self, items: Tensor) -> Batch:
        graph = self.sampler.sample(items)
        teachers = tuple(teacher.at(items, items, graph) for teacher in self.teachers)
        return Batch(graph, items, *self.labels.among(items), teachers)
