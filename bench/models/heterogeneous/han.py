"""Heterogeneous graph attention networks (Wang et al., WWW 2019, equations 1 to 9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from graph_distillery.bench.models.base import ModelHyperparameters
from graph_distillery.bench.models.gat.attention import attend, places_of
from graph_distillery.bench.models.heterogeneous.base import TypedModel, items_of
from graph_distillery.bench.models.heterogeneous.block_attention import attend_in_block
from graph_distillery.bench.models.heterogeneous.metapaths import AUTO, Neighbours, neighbours, parse_paths
from graph_distillery.bench.models.layers import Convolution, FeatureLinear, Features
from graph_distillery.methods.contract.columns import TypeNames
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix


class HANHyperparameters(ModelHyperparameters):
    layers: int = Field(3, ge=3, description="layers with weights: the map of features, those of attention, the output")
    hidden: int = Field(64, ge=1, description="width of a hidden state, all heads together")
    heads: int = Field(8, ge=1, description="attention heads of a meta-path, concatenated")
    attention_dropout: float = Field(0.0, ge=0, lt=1, description="dropout of attention coefficients")
    negative_slope: float = Field(0.2, ge=0, lt=1, description="of the LeakyReLU on attention scores")
    semantic: int = Field(128, ge=1, description="width of the attention over meta-paths")
    activation: Literal["elu", "relu"] = Field("elu", description="of what a meta-path gathers")
    inputs: Literal["items", "identity"] = Field(
        "items", description="whether the items' features are read, or each item has a weight of its own"
    )
    metapaths: str = Field(
        AUTO,
        description="edge types joined by > into paths, and paths by |; auto: there and back through each type of "
        "nodes, and one arc between items",
    )
    residual: Literal[False] = Field(False, description="has none")

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"hidden = {self.hidden} is the width of all heads, so a multiple of heads = {self.heads}")
        return self


class ItemInput(Convolution):
    """x_i W + b of items, or e_i + b with a free vector for each; other nodes have 0, for no meta-path reads them."""

    hops = 0

    def __init__(self, in_features: int, out_features: int, nodes: int, inputs: str) -> None:
        super().__init__()
        self.linear = FeatureLinear(in_features, out_features) if inputs == "items" else None
        self.vectors = nn.Parameter(torch.empty(nodes, out_features)) if inputs == "identity" else None
        if self.vectors is not None:
            nn.init.xavier_normal_(self.vectors)

    def forward(self, graph: Graph, x: Features) -> Tensor:
        if self.vectors is not None:
            return of_all_nodes(self.vectors.index_select(0, graph.node_ids[: graph.num_targets]), graph)
        assert self.linear is not None
        return of_all_nodes(self.linear(items_of(graph, x)), graph)

    def macs(self, nodes: int, edges: int) -> int:
        return nodes if self.linear is None else self.linear.macs(nodes)


def of_all_nodes(state: Tensor, graph: Graph) -> Tensor:
    """[items, width] -> [nodes, width], 0 for nodes that are no items."""
    others = graph.num_nodes - state.shape[0]
    return torch.cat([state, state.new_zeros(others, state.shape[1])]) if others else state


class MetaPathConvolution(Convolution):
    """Attention over each meta-path's neighbours, and attention over what the meta-paths gather.

    map: whether the states are mapped first, as in a second layer; the first reads what the features are mapped to.
    After a forward the rooms of `gathered` hold what each meta-path gathered, [items, width].
    """

    hops = 2

    def __init__(self, in_features: int, out_features: int, hyper: HANHyperparameters, paths: tuple, map: bool) -> None:
        super().__init__()
        self.heads, self.width, self.hyper, self.paths = hyper.heads, out_features, hyper, paths
        self.linear = FeatureLinear(in_features, out_features, initialisation="glorot") if map else None
        self.source_attention = nn.Parameter(torch.empty(len(paths), hyper.heads, out_features // hyper.heads))
        self.target_attention = nn.Parameter(torch.empty_like(self.source_attention))
        for each in (self.source_attention, self.target_attention):
            nn.init.xavier_uniform_(each.data.view(len(paths) * hyper.heads, -1))
        self.semantic = FeatureLinear(out_features, hyper.semantic)
        self.query = nn.Parameter(torch.empty(1, hyper.semantic))
        nn.init.xavier_uniform_(self.query)
        self.gathered = nn.ModuleList(nn.Identity() for _ in paths)
        self.arcs: int | None = None

    def forward(self, graph: Graph, x: Features) -> Tensor:
        assert isinstance(x, Tensor)
        items = x[: graph.num_targets]
        states: Tensor = items if self.linear is None else self.linear(items)
        by_head = states.view(states.shape[0], self.heads, -1)
        found = [neighbours(graph, path) for path in self.paths]
        self.arcs = sum(each.arcs for each in found)
        outs = []
        for number, each in enumerate(found):
            source = (by_head * self.source_attention[number]).sum(dim=2)
            target = (by_head * self.target_attention[number]).sum(dim=2)
            out = self._attended(graph, number, each, by_head, source, target)
            outs.append(self.gathered[number](F.elu(out) if self.hyper.activation == "elu" else F.relu(out)))
        return of_all_nodes(self._weighted(torch.stack(outs)), graph)

    def _weighted(self, outs: Tensor) -> Tensor:
        """[paths, items, width] -> [items, width], equations 7 to 9."""
        scores = torch.tanh(self.semantic(outs.flatten(0, 1))).view(*outs.shape[:2], -1).mean(dim=1) @ self.query[0]
        return (scores.softmax(dim=0)[:, None, None] * outs).sum(dim=0)

    def _attended(
        self, graph: Graph, number: int, of_path: Neighbours, states: Tensor, source: Tensor, target: Tensor
    ) -> Tensor:
        """[items, width], before the activation; states: [items, heads, width of a head], scores [items, heads]."""
        slope, p = self.hyper.negative_slope, self.hyper.attention_dropout if self.training else 0.0
        heads, each = self.heads, states.shape[2]
        if of_path.blocks:
            states, source, target = (given.index_select(0, of_path.order) for given in (states, source, target))
        outs = []
        for block in of_path.blocks:
            rows = slice(block.start, block.end)
            given = states[rows].transpose(0, 1).contiguous(), source[rows].T.contiguous(), target[rows].T.contiguous()
            out = attend_in_block(*given, block, slope=slope, dropout=p)
            outs.append(out.transpose(0, 1).reshape(-1, heads * each))
        if of_path.rest is not None:
            first = of_path.order.numel() - of_path.rest.shape[0]
            places = self._places(graph, number, of_path.rest)
            given = states[first:].reshape(-1, each), source[first:].reshape(-1), target[first:].reshape(-1)
            out = attend(*given, places, negative_slope=slope, attention_dropout=p)
            outs.append(out.view(-1, heads * each))
        out = torch.cat(outs) if len(outs) > 1 else outs[0]
        return out.index_select(0, of_path.place) if of_path.blocks else out

    def _places(self, graph: Graph, number: int, rest: SparseMatrix) -> SparseMatrix:
        key = ("attention by meta-path", self.paths[number], self.heads)
        return graph.cached(key, lambda: places_of(rest, self.heads)[0])

    def macs(self, nodes: int, edges: int) -> int:
        """Of the meta-paths' arcs in the graph that was last read; before that, `edges` and the loops for each path."""
        paths = len(self.paths)
        maps = 0 if self.linear is None else self.linear.macs(nodes)
        arcs = paths * (edges + nodes) if self.arcs is None else self.arcs
        return maps + paths * (2 * nodes * self.width + self.semantic.macs(nodes)) + arcs * self.width


class ItemOutput(Convolution):
    """x_i W + b of items alone."""

    hops = 0

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.linear = FeatureLinear(in_features, out_features)

    def forward(self, graph: Graph, x: Features) -> Tensor:
        out: Tensor = self.linear(x[: graph.num_targets] if isinstance(x, Tensor) else x)
        return out

    def macs(self, nodes: int, edges: int) -> int:
        return self.linear.macs(nodes)


class HAN(TypedModel):
    """The map of the items' features, then attention over meta-paths, then a linear layer; dropout of hidden states.

    Nodes that are no items have no state of their own: theirs are 0.
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = HANHyperparameters
    #: The attention over meta-paths reads a mean over all items.
    reads_whole_graph: ClassVar[bool] = True
    reads_blocks: ClassVar[bool] = False
    names_types: ClassVar[tuple[str, ...]] = ("metapaths",)

    @classmethod
    def check_types(cls, hyper: Mapping[str, Any], types: TypeNames) -> None:
        parse_paths(str(hyper.get("metapaths", AUTO)), types)

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        if index == 0:
            return ItemInput(in_features, out_features, self.num_nodes, self.hyper.inputs)
        return super().make_layer(index, in_features, out_features, output)

    def make_typed(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        if output:
            return ItemOutput(in_features, out_features)
        paths = parse_paths(self.hyper.metapaths, self.types)
        return MetaPathConvolution(in_features, out_features, self.hyper, paths, map=index > 1)

    def activated(self, index: int, made: Tensor) -> Tensor:
        return made

    def named_states(self) -> dict[str, str]:
        """Also metapath.I: what meta-path I gathered in the last layer of attention, [items, width]."""
        last = len(self.norms) - 1
        paths = range(len(parse_paths(self.hyper.metapaths, self.types)))
        return {**super().named_states(), **{f"metapath.{i}": f"layers.{last}.gathered.{i}" for i in paths}}
