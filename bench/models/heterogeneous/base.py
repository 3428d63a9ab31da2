"""What the models of typed graphs share: the map of each type's features into one space, and the stack above it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.bench.models.base import Model, ModelHyperparameters, of_items
from graph_distillery.bench.models.layers import Convolution, FeatureLinear, Features, drop_features, first_rows
from graph_distillery.methods.contract import Output
from graph_distillery.methods.contract.columns import TYPE, TypeNames
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.items import Level
from graph_distillery.methods.contract.sparse import SparseMatrix

#: Runs of a type, on average, up to which a linear layer goes run by run.
_RUNS_OF_A_TYPE = 4


class TypedHyperparameters(ModelHyperparameters):
    layers: int = Field(3, ge=2, description="layers with weights: the map of features, those above it, the output")
    hidden: int = Field(64, ge=1, description="width of a hidden state")
    inputs: Literal["all", "items", "identity"] = Field(
        "all", description="whose features are read: all nodes', the items', or nobody's; others have a weight each"
    )


class TypedInput(Convolution):
    """x_i W + b_t of nodes of type t, or e_i + b_t with a free vector e_i for each node whose features are not read.

    The features of each type stand in columns of their own, so that W holds a map for each type.
    """

    hops = 0

    def __init__(self, in_features: int, out_features: int, types: int, nodes: int, inputs: str) -> None:
        super().__init__()
        self.inputs = inputs
        self.linear = FeatureLinear(in_features, out_features, bias=False) if inputs != "identity" else None
        self.bias = nn.Parameter(torch.zeros(types, out_features))
        self.vectors = nn.Parameter(torch.empty(nodes, out_features)) if inputs != "all" else None
        if self.vectors is not None:
            nn.init.xavier_normal_(self.vectors, gain=math.sqrt(2))

    def forward(self, graph: Graph, x: Features) -> Tensor:
        if self.linear is None:
            state = self._own(graph.node_ids)
        elif self.vectors is None:
            state = self.linear(x)
        else:
            rows = items_first(graph)
            mapped = self.linear(items_of(graph, x))
            state = torch.cat([mapped, self._own(graph.node_ids.index_select(0, rows.others))])
            state = state if rows.place is None else state.index_select(0, rows.place)
        return state + self.bias.index_select(0, node_types(graph))

    def _own(self, nodes: Tensor) -> Tensor:
        assert self.vectors is not None
        return self.vectors.index_select(0, nodes)

    def macs(self, nodes: int, edges: int) -> int:
        return nodes * self.bias.shape[1] if self.linear is None else self.linear.macs(nodes)


@dataclass(frozen=True)
class ItemsFirst:
    """Nodes of the first type and the others, [count] int64 each, ascending; place: where each node stands in the one
    list after the other, [nodes] int64, None where that is where it stands anyway."""

    items: Tensor
    others: Tensor
    place: Tensor | None


def items_first(graph: Graph) -> ItemsFirst:
    """Made once per graph."""

    def make() -> ItemsFirst:
        first = node_types(graph) == 0
        items, others = first.nonzero().flatten(), (~first).nonzero().flatten()
        order = torch.cat([items, others])
        sorted_already = bool((order.diff() > 0).all())
        return ItemsFirst(items, others, None if sorted_already else torch.argsort(order))

    return graph.cached("items_first", make)


def items_of(graph: Graph, x: Features) -> Features:
    """The rows of nodes of the first type; of the graph's own sparse features they are cut once."""
    rows = items_first(graph)
    if isinstance(x, Tensor):
        return x[: rows.items.numel()] if rows.place is None else x.index_select(0, rows.items)
    cut = partial(x.select_rows, rows.items)
    return graph.cached_of_features("items", cut) if x is graph.features else cut()


def node_types(graph: Graph) -> Tensor:
    """[nodes] int64; a graph whose nodes are not typed has them all of the first type."""
    if TYPE in graph.node_columns:
        return graph.node_type
    return torch.zeros(graph.num_nodes, dtype=torch.long, device=graph.device)


class TypedLinear(nn.Module):
    """x_i W_t + b_t of nodes of type t, [nodes, in] -> [nodes, out]; weight: [types, in, out]."""

    def __init__(self, in_features: int, out_features: int, types: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(types, in_features, out_features))
        bound = 1 / math.sqrt(max(in_features, 1))
        nn.init.uniform_(self.weight, -bound, bound)
        self.bias: nn.Parameter | None
        self.register_parameter("bias", nn.Parameter(torch.zeros(types, out_features)) if bias else None)

    def forward(self, graph: Graph, x: Tensor) -> Tensor:
        """x: of all nodes, or of the first ones."""
        count, runs = x.shape[0], type_runs(graph)
        if runs is None:
            return self._scattered(graph, x)
        cut = [(kind, start, min(end, count)) for kind, start, end in runs if start < count] or [(0, 0, 0)]
        parts = [x[start:end] @ self.weight[kind] for kind, start, end in cut]
        if self.bias is not None:
            parts = [part + self.bias[kind] for part, (kind, _, _) in zip(parts, cut, strict=True)]
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def _scattered(self, graph: Graph, x: Tensor) -> Tensor:
        types, width = node_types(graph)[: x.shape[0]], self.weight.shape[2]
        out = x.new_zeros(x.shape[0], width)
        for kind in range(self.weight.shape[0]):
            rows = (types == kind).nonzero().flatten()
            made = x.index_select(0, rows) @ self.weight[kind]
            out = out.index_add(0, rows, made if self.bias is None else made + self.bias[kind])
        return out

    def macs(self, rows: int) -> int:
        return rows * int(self.weight.shape[1]) * int(self.weight.shape[2])


def type_runs(graph: Graph) -> list[tuple[int, int, int]] | None:
    """Nodes of one type that stand together: the type, the first of them and the one after the last. None where there
    are so many runs that it is better not to go by them."""

    def make() -> list[tuple[int, int, int]] | None:
        types = node_types(graph)
        starts = [0, *(types.diff().nonzero().flatten() + 1).tolist()] if types.numel() else []
        if len(starts) > _RUNS_OF_A_TYPE * (len(graph.types.nodes) if graph.types else 1):
            return None
        return [(int(types[start]), start, end) for start, end in pairwise([*starts, types.numel()])]

    return graph.cached("type_runs", make)


class TypedModel(Model):
    """The map of features, then layers that know types: x -> layer -> norm -> activation -> dropout -> next layer.

    Logits are those of the items, nodes of the first type; hidden states have a row for every node.
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = TypedHyperparameters
    per_node: ClassVar[bool] = True
    typed: ClassVar[bool] = True
    reads_blocks: ClassVar[bool] = True
    #: Whether the states that the features are mapped to are activated.
    activates_input: ClassVar[bool] = True

    def __init__(
        self,
        in_features: int,
        out_features: int,
        hyper: ModelHyperparameters,
        level: Level = "node",
        *,
        num_nodes: int,
        types: TypeNames,
    ) -> None:
        self.types, self.num_nodes = types, num_nodes
        super().__init__(in_features, out_features, hyper, level)

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        if index == 0:
            kinds = len(self.types.nodes)
            return TypedInput(in_features, out_features, kinds, self.num_nodes, self.hyper.inputs)
        return self.make_typed(index, in_features, out_features, output)

    def make_typed(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        """Layer number `index`, from 1, on [nodes, in] states; `output` when it gives the logits, of items alone."""
        raise NotImplementedError

    def activated(self, index: int, made: Tensor) -> Tensor:
        """Hidden state number `index` of what its layer made and the norm left."""
        return self.activate(made) if index > 0 or self.activates_input else made

    def forward(self, graph: Graph) -> Output:
        state: Any = graph.features
        hidden: list[Tensor] = []
        for index, layer in enumerate(self.layers):
            if index > 0:
                state = drop_features(state, self.hyper.dropout, self.training)
            made = self.apply_layer(cast(Convolution, layer), graph.for_layer(index), state, hidden)
            if index == len(self.norms):
                return Output(of_items(made, graph), tuple(first_rows(each, graph.num_receivers) for each in hidden))
            made = self.norms[index](made)
            layer_input, state = state, self.activated(index, made)
            if self.hyper.residual and index > 0:
                state = self.add_residual(state, layer_input)
            hidden.append(state)
        raise AssertionError("a model has an output layer")


def relation_matrix(graph: Graph, relation: int, rows: int | None = None) -> SparseMatrix:
    """[nodes or rows, nodes]: the mean over the in-neighbours by an edge type, for all nodes or the first `rows`."""
    whole = graph.propagation("mean", relation)
    if rows is None or rows == whole.shape[0]:
        return whole
    first = torch.arange(rows, device=graph.device)
    return graph.cached(("relation rows", relation, rows), lambda: whole.select_rows(first))
