"""Heterogeneous graph transformers (Hu et al., WWW 2020, equations 1 to 5), and as HGB's code has them.

HGB (Lv et al., KDD 2021) takes a softmax within each relation and the mean over relations, and applies no activation to
what is gathered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from graph_distillery.bench.models.base import ModelHyperparameters
from graph_distillery.bench.models.heterogeneous.base import TypedHyperparameters, TypedLinear, TypedModel, node_types
from graph_distillery.bench.models.heterogeneous.dot_attention import attend_by_products
from graph_distillery.bench.models.heterogeneous.han import ItemOutput
from graph_distillery.bench.models.layers import Convolution, Features, first_rows
from graph_distillery.bench.models.neighbourhood import whole_of
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix


class HGTHyperparameters(TypedHyperparameters):
    layers: int = Field(4, ge=3, description="layers with weights: the map of features, those of attention, the output")
    hidden: int = Field(64, ge=1, description="width of a hidden state, all heads together")
    heads: int = Field(8, ge=1, description="attention heads")
    softmax: Literal["all", "relation"] = Field(
        "all", description="over all arcs into a node; or over those of each relation, then the mean over relations"
    )
    activation: Literal["gelu", "none"] = Field("gelu", description="of what a node has gathered")
    input_activation: Literal["tanh", "relu"] = Field("tanh", description="of what the features are mapped to")
    residual: Literal[False] = Field(False, description="its gates are in every layer")

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"hidden = {self.hidden} is the width of all heads, so a multiple of heads = {self.heads}")
        return self


@dataclass(frozen=True)
class Sources:
    """Nodes of one type that have arcs of one relation: `nodes` [count] int64, ascending."""

    relation: int
    kind: int
    nodes: Tensor


@dataclass(frozen=True)
class Relations:
    """groups: all sources, whose columns in `places`, [receivers, sources], stand one after another."""

    groups: tuple[Sources, ...]
    places: SparseMatrix
    nodes: Tensor  # [sources] int64: which node each column is
    counts: list[int]  # columns of each group
    receivers: Receivers | None  # None: the nodes themselves


@dataclass(frozen=True)
class Receivers:
    """A row for each node and each relation whose arcs end at nodes of its type, in that order.

    nodes: [rows] int64. share: [rows, 1], one over the rows that the node has.
    """

    nodes: Tensor
    share: Tensor


def relations_of(graph: Graph, relations: int, apart: bool = False) -> Relations:
    """Made once per graph; apart: with a row of `places` for each relation into a node."""

    def make() -> Relations:
        types, groups, places, first = node_types(graph), [], [], 0
        receiving, last = [], 0
        for relation in range(relations):
            sources, targets = graph.arcs_of(relation)
            if apart:
                own = torch.isin(types[: graph.num_receivers], _receiving(graph, relation)).nonzero().flatten()
                receiving.append(own)
                targets = last + torch.searchsorted(own, targets)
                last += own.numel()
            kinds = types.index_select(0, sources)
            for kind in kinds.unique().tolist():
                own = kinds == kind
                nodes, position = sources[own].unique(return_inverse=True)
                groups.append(Sources(relation, kind, nodes))
                places.append(torch.stack([targets[own], first + position]))
                first += nodes.numel()
        if apart and not last:  # no arcs at all: one row, into which nothing comes
            receiving, last = [types.new_zeros(1)], 1
        targets, columns = torch.cat(places, dim=1) if places else graph.edge_index[:, :0]
        ones = torch.ones(targets.numel(), dtype=graph.dtype, device=graph.device)
        rows = last if apart else graph.num_receivers
        arcs = SparseMatrix.from_entries(targets, columns, ones, (max(rows, 1), max(first, 1)))
        nodes = torch.cat([group.nodes for group in groups]) if groups else types[:0]
        counts = [group.nodes.numel() for group in groups]
        return Relations(tuple(groups), arcs, nodes, counts, _receivers(graph, receiving) if apart else None)

    return graph.cached(("relations", relations, apart), make)


def _receiving(graph: Graph, relation: int) -> Tensor:
    """[types] int64: those of the nodes that arcs of a relation end at, in the graph that this one is a part of."""
    whole = whole_of(graph)
    return whole.cached(
        ("receiving", relation), lambda: node_types(whole).index_select(0, whole.arcs_of(relation)[1]).unique()
    )


def _receivers(graph: Graph, by_relation: list[Tensor]) -> Receivers:
    nodes = torch.cat([*by_relation, node_types(graph)[:0]])
    rows = torch.bincount(nodes, minlength=graph.num_receivers).clamp(min=1).to(graph.dtype)
    return Receivers(nodes, rows.reciprocal().index_select(0, nodes)[:, None])


class TransformerConvolution(Convolution):
    """s_t A_t(GELU(h_i)) + (1 - s_t) x_i, h_i gathering x_j V W_r by the softmax of (x_i Q)(x_j K W'_r) m_r / sqrt(d).

    The softmax is over all arcs into a node, whatever their types r; Q, K, V, A and s are those of the ends' types t.
    With `softmax` "relation" it is over the arcs of each r, and h_i the mean over the relations that end at i's type.
    """

    def __init__(self, width: int, types: int, relations: int, hyper: HGTHyperparameters) -> None:
        super().__init__()
        heads, self.apart, self.activation = hyper.heads, hyper.softmax == "relation", hyper.activation
        self.width, self.heads, self.each = width, heads, width // heads
        self.query, self.key, self.value, self.out = (TypedLinear(width, width, types) for _ in range(4))
        self.key_relation = nn.Parameter(torch.empty(relations, heads, self.each, self.each))
        self.value_relation = nn.Parameter(torch.empty_like(self.key_relation))
        for each in (self.key_relation, self.value_relation):
            nn.init.xavier_uniform_(each.data.view(relations * heads * self.each, self.each), gain=1.0)
            each.data.mul_(math.sqrt((relations * heads + 1) / 2))
        self.prior = nn.Parameter(torch.ones(relations, heads))
        self.skip = nn.Parameter(torch.ones(types))

    def forward(self, graph: Graph, x: Features) -> Tensor:
        assert isinstance(x, Tensor)
        found = relations_of(graph, len(self.prior), self.apart)
        key, value = self._sources(found, x)
        own = first_rows(x, graph.num_receivers)
        query = self.query(graph, own)
        if found.receivers is not None:
            query = query.index_select(0, found.receivers.nodes)
        query, key, value = (self._by_head(each) for each in (query, key, value))
        gathered = attend_by_products(query, key, value, found.places).transpose(0, 1).reshape(-1, self.width)
        if found.receivers is not None:
            nodes, share = found.receivers.nodes, found.receivers.share
            gathered = x.new_zeros(own.shape[0], self.width).index_add(0, nodes, gathered * share)
        made: Tensor = self.out(graph, F.gelu(gathered) if self.activation == "gelu" else gathered)
        gate = torch.sigmoid(self.skip).index_select(0, node_types(graph)[: own.shape[0]])[:, None]
        return gate * made + (1 - gate) * own

    def _sources(self, found: Relations, x: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values, [sources, width], under the matrices of type and relation in one."""
        if not found.groups:
            return (x.new_zeros(1, self.width),) * 2
        keys = self.key_relation * (self.prior / math.sqrt(self.each))[:, :, None, None]
        made = []
        for group, rows in zip(found.groups, x.index_select(0, found.nodes).split(found.counts), strict=True):
            maps = (
                self._composed(linear, group.kind, each[group.relation])
                for linear, each in ((self.key, keys), (self.value, self.value_relation))
            )
            both = torch.cat(list(maps), dim=1)
            made.append(torch.addmm(both[-1], rows, both[:-1]))
        key, value = torch.cat(made).split(self.width, dim=1)
        return key, value

    def _composed(self, linear: TypedLinear, kind: int, of_relation: Tensor) -> Tensor:
        """[width + 1, width]: weight and bias of a type followed by [heads, width of a head, width of a head]."""
        assert linear.bias is not None
        both = torch.cat([linear.weight[kind], linear.bias[kind][None]])
        return torch.einsum("ihd,hde->ihe", both.view(-1, self.heads, self.each), of_relation).flatten(1)

    def _by_head(self, rows: Tensor) -> Tensor:
        """[rows, width] -> [heads, rows, width of a head]"""
        return rows.reshape(-1, self.heads, self.each).transpose(0, 1).contiguous()

    def macs(self, nodes: int, edges: int) -> int:
        """Each relation's sources counted as all nodes."""
        per_relation = 2 * nodes * self.width * self.each * len(self.prior)
        return 4 * nodes * self.width**2 + per_relation + 2 * edges * self.width


class HGT(TypedModel):
    """The map of features and tanh, then layers of attention, then a linear layer; dropout of hidden states."""

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = HGTHyperparameters

    def make_typed(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        if output:
            return ItemOutput(in_features, out_features)
        assert isinstance(self.hyper, HGTHyperparameters)
        return TransformerConvolution(out_features, len(self.types.nodes), len(self.types.edges), self.hyper)

    def activated(self, index: int, made: Tensor) -> Tensor:
        if index > 0:
            return made
        return torch.tanh(made) if self.hyper.input_activation == "tanh" else F.relu(made)
