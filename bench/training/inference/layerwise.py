"""Full inference layer after layer in blocks of nodes: memory follows a block and two states, not the arcs.

A block reads all in-neighbours of its nodes, renumbered as a sampled batch is, so that its propagation is a small
matrix of its own. Inference on large graphs as in Hamilton et al. (NeurIPS 2017) and DGL's example.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast, overload

import torch
from torch import Tensor

from graph_distillery.bench.models.base import Model
from graph_distillery.bench.models.layers import Convolution, Features
from graph_distillery.bench.training.sampling import NeighbourSampler, read_of_arcs
from graph_distillery.methods.contract import Method, Output
from graph_distillery.methods.contract.graph import Graph, select_rows

#: Bytes that a block's arcs may take, and from how many arcs times widest state on a graph is read in blocks.
BLOCK_BYTES, FROM_ELEMENTS = 1 << 30, 1 << 32


def can_be_layered(model: Model, graph: Graph) -> bool:
    """Whether `predict_in_blocks` gives what a forward in evaluation mode does."""
    return (
        model.level == "node"
        and (model.reads_blocks or model.by_layer)
        and graph.num_graphs == 1
        and graph.types is None
        and not any(name in graph.edge_columns for name in read_of_arcs(model))
    )


def is_large(model: Model, graph: Graph) -> bool:
    """Whether the graph is read in blocks: all arcs' messages of one layer would take 16 GiB."""
    return graph.num_edges * int(model.hyper.hidden) >= FROM_ELEMENTS and can_be_layered(model, graph)


def predict(method: Method[Any], graph: Graph) -> Output:
    """`Method.predict` in evaluation mode; in blocks where the graph is large and the student alone predicts."""
    student = method.student
    if method.predicts_plainly and isinstance(student, Model) and is_large(student, graph):
        return predict_in_blocks(student, graph)
    return method.predict(graph)


@torch.no_grad()
def predict_in_blocks(model: Model, graph: Graph, block_bytes: int = BLOCK_BYTES) -> Output:
    """What `model(graph)` gives in evaluation mode, to rounding; the model is as `can_be_layered` asks.

    block_bytes: what the inputs of a block, a row for each of its arcs at most, may take; one node's at least.
    """
    sampler = NeighbourSampler(graph, (None,))
    state: Features = graph.features
    hidden: list[Tensor] = []
    for index, each in enumerate(model.layers):
        layer, made = cast(Convolution, each), None
        width = max(int(state.shape[1]), int(model.hyper.hidden))
        for nodes in _blocks(sampler.pointers, block_bytes // (4 * width), layer.hops):
            read = sampler.sample(nodes, features=False).for_layer(0) if layer.hops else None
            senders = nodes if read is None else read.node_ids
            source = select_rows(state, senders)
            out = model.apply_layer(layer, read or graph, source, _Cut(hidden, senders))
            out = model.after_layer(index, out, source)
            made = out.new_empty(graph.num_nodes, out.shape[1]) if made is None else made
            made[nodes] = out
        assert made is not None
        state = made
        if index < len(model.norms):
            hidden.append(made)
    assert isinstance(state, Tensor)
    return Output(model.propagate(graph, state), tuple(hidden))


def _blocks(pointers: Tensor, most: int, hops: int) -> Iterator[Tensor]:
    """Runs of nodes that have `most` arcs at most, their own rows counted."""
    count = pointers.numel() - 1
    ends = torch.arange(count + 1, device=pointers.device) + (pointers if hops else 0)
    start = 0
    while start < count:
        end = int(torch.searchsorted(ends, ends[start] + max(most, 1), right=True)) - 1
        end = min(max(end, start + 1), count)
        yield torch.arange(start, end, device=pointers.device)
        start = end


class _Cut(Sequence[Tensor]):
    """Hidden states, cut to the rows of a block when they are asked for."""

    def __init__(self, states: list[Tensor], rows: Tensor) -> None:
        self.states, self.rows = states, rows

    def __len__(self) -> int:
        return len(self.states)

    @overload
    def __getitem__(self, index: int) -> Tensor: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Tensor]: ...
    def __getitem__(self, index: int | slice) -> Tensor | Sequence[Tensor]:
        if isinstance(index, slice):
            return [state[self.rows] for state in self.states[index]]
        return self.states[index][self.rows]
