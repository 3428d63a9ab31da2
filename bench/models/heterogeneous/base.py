"""What the models of typed graphs share: the map of each type's features into one space, and the stack above it."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.bench.models.base import Model, ModelHyperparameters, of_items
from graph_distillery.bench.models.layers import Convolution, FeatureLinear, Features, drop_features
from graph_distillery.methods.contract import Output
from graph_distillery.methods.contract.columns import TYPE, TypeNames
from graph_distillery.methods.contract.graph import Graph, select_rows
from graph_distillery.methods.contract.items import Level
from graph_distillery.methods.contract.sparse import SparseMatrix


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
            items = graph.num_targets
            mapped = self.linear(items_of(graph, x))
            state = torch.cat([mapped, self._own(graph.node_ids[items:])])
        return state + self.bias.index_select(0, node_types(graph))

    def _own(self, nodes: Tensor) -> Tensor:
        assert self.vectors is not None
        return self.vectors.index_select(0, nodes)

    def macs(self, nodes: int, edges: int) -> int:
        return nodes * self.bias.shape[1] if self.linear is None else self.linear.macs(nodes)


def items_of(graph: Graph, x: Features) -> Features:
    """The rows of the items; of the graph's own sparse features they are cut once."""
    count = graph.num_targets
    if isinstance(x, Tensor):
        return x[:count]
    rows = torch.arange(count, device=graph.device)
    return (
        graph.cached_of_features("items", lambda: select_rows(x, rows)) if x is graph.features else x.select_rows(rows)
    )


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
        """x: of all nodes, or of the items alone."""
        spans = type_spans(graph)
        if x.shape[0] < graph.num_nodes or (spans is None and len(self.weight) == 1):
            spans = [(0, x.shape[0])]
        if spans is None:  # nodes of a type do not stand together
            return self._scattered(graph, x)
        parts = [x[start:end] @ self.weight[kind] for kind, (start, end) in enumerate(spans)]
        if self.bias is not None:
            parts = [part + self.bias[kind] for kind, part in enumerate(parts)]
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def _scattered(self, graph: Graph, x: Tensor) -> Tensor:
        types, width = node_types(graph), self.weight.shape[2]
        out = x.new_zeros(x.shape[0], width)
        for kind in range(self.weight.shape[0]):
            rows = (types == kind).nonzero().flatten()
            made = x.index_select(0, rows) @ self.weight[kind]
            out = out.index_add(0, rows, made if self.bias is None else made + self.bias[kind])
        return out

    def macs(self, rows: int) -> int:
        return rows * int(self.weight.shape[1]) * int(self.weight.shape[2])


def type_spans(graph: Graph) -> list[tuple[int, int]] | None:
    """The first node of each type that there is and the one after its last, where nodes stand by type."""

    def make() -> list[tuple[int, int]] | None:
        types = node_types(graph)
        if bool((types.diff() < 0).any()):
            return None
        count = max(len(graph.types.nodes) if graph.types else 1, 1)
        ends = torch.bincount(types, minlength=count).cumsum(0).tolist()
        return list(zip([0, *ends[:-1]], ends, strict=True))

    return graph.cached("type_spans", make)


class TypedModel(Model):
    """The map of features, then layers that know types: x -> layer -> norm -> activation -> dropout -> next layer.

    Logits are those of the items, nodes of the first type; hidden states have a row for every node.
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = TypedHyperparameters
    per_node: ClassVar[bool] = True
    typed: ClassVar[bool] = True
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
            made = self.apply_layer(cast(Convolution, layer), graph, state, hidden)
            if index == len(self.norms):
                return Output(of_items(made, graph), tuple(hidden))
            made = self.norms[index](made)
            layer_input, state = state, self.activated(index, made)
            if self.hyper.residual and index > 0:
                state = self.add_residual(state, layer_input)
            hidden.append(state)
        raise AssertionError("a model has an output layer")


def relation_matrix(graph: Graph, relation: int, rows: int | None = None) -> SparseMatrix:
    """[nodes or rows, nodes]: the mean over the in-neighbours by an edge type, for all nodes or the first `rows`."""
    whole = graph.propagation("mean", relation)
    if rows is None or rows == graph.num_nodes:
        return whole
    first = torch.arange(rows, device=graph.device)
    return graph.cached(("relation rows", relation, rows), lambda: whole.select_rows(first))
