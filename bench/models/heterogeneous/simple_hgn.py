"""Simple-HGN: graph attention with types of arcs, residuals and normalised outputs (Lv et al., KDD 2021, section 5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.bench.models.base import ModelHyperparameters
from graph_distillery.bench.models.heterogeneous.base import TypedHyperparameters, TypedModel
from graph_distillery.bench.models.heterogeneous.relation_attention import Mixing, attend_by_relation, typed_arcs
from graph_distillery.bench.models.layers import Convolution, FeatureLinear, Features, first_rows
from graph_distillery.methods.contract import Output
from graph_distillery.methods.contract.graph import Graph

#: The least norm that outputs are divided by.
_SMALLEST = 1e-12


class SimpleHGNHyperparameters(TypedHyperparameters):
    layers: int = Field(4, ge=3, description="layers with weights: the map of features, those of attention, the output")
    hidden: int = Field(64, ge=1, description="width of one head's hidden state; the heads stand side by side")
    heads: int = Field(8, ge=1, description="attention heads of a hidden layer")
    edge_width: int = Field(64, ge=1, description="width of the vector of an edge type")
    attention_dropout: float = Field(0.5, ge=0, lt=1, description="dropout of attention coefficients")
    attention_residual: float = Field(
        0.05, ge=0, lt=1, description="beta, share of the coefficients of the layer before in a hidden layer's"
    )
    negative_slope: float = Field(0.05, ge=0, lt=1, description="of the LeakyReLU on attention scores")
    normalised: bool = Field(True, description="outputs are divided by their length")
    residual: Literal[False] = Field(False, description="its own are in every layer of attention from the second on")


class RelationConvolution(Convolution):
    """Heads of sum_j a_ij x_j W + x_i S, with a_ij as `attend_by_relation` has it; averaged in the output layer.

    The score of an arc of type r from j to i is a x_j W + b x_i W + c (e_r R). residual: whether there is an S.
    """

    def __init__(
        self, in_features: int, width: int, heads: int, relations: int, hyper: Any, *, residual: bool, output: bool
    ) -> None:
        super().__init__()
        self.width, self.heads, self.hyper, self.relations, self.output = width, heads, hyper, relations, output
        self.linear = FeatureLinear(in_features, heads * width, bias=False)
        self.skip = FeatureLinear(in_features, heads * width, bias=False) if residual else None
        self.vectors = nn.Parameter(torch.randn(relations + 1, hyper.edge_width))
        self.map = nn.Parameter(torch.empty(hyper.edge_width, heads * hyper.edge_width))
        self.source_attention, self.target_attention = (nn.Parameter(torch.empty(heads, width)) for _ in range(2))
        self.type_attention = nn.Parameter(torch.empty(heads, hyper.edge_width))
        drawn = [self.linear.weight, self.map, self.source_attention, self.target_attention, self.type_attention]
        for weight in drawn if self.skip is None else [*drawn, self.skip.weight]:
            nn.init.xavier_normal_(weight, gain=math.sqrt(2))
        #: The coefficients of the layer before, [heads, entries], of which this layer's arcs are the first; and those
        #: of the last forward.
        self.previous: Tensor | None = None
        self.coefficients: Tensor | None = None

    def forward(self, graph: Graph, x: Features) -> Tensor:
        states: Tensor = self.linear(x)
        by_head = states.view(-1, self.heads, self.width)
        source, target = (
            (by_head * each).sum(dim=2).T.contiguous() for each in (self.source_attention, self.target_attention)
        )
        dropped = self.hyper.attention_dropout if self.training else 0.0
        mixing = Mixing(self.hyper.negative_slope, dropped, self.hyper.attention_residual)
        arcs = typed_arcs(graph, self.relations)
        out, self.coefficients = attend_by_relation(
            by_head.transpose(0, 1).contiguous(),
            source,
            target[:, : arcs.places.shape[0]],
            self.type_scores(),
            arcs,
            mixing,
            None if self.previous is None else self.previous[:, : arcs.places.nonzeros],
        )
        out = out.transpose(0, 1).reshape(-1, self.heads * self.width)
        if self.skip is not None:
            out = out + self.skip(first_rows(x, out.shape[0]) if isinstance(x, Tensor) else x)
        return out.view(-1, self.heads, self.width).mean(dim=1) if self.output and self.heads > 1 else out

    def type_scores(self) -> Tensor:
        """[heads, types and the loops']"""
        mapped = (self.vectors @ self.map).view(self.relations + 1, self.heads, -1)
        return (mapped * self.type_attention).sum(dim=2).T.contiguous()

    def macs(self, nodes: int, edges: int) -> int:
        total = self.heads * self.width
        maps = self.linear.macs(nodes) + (0 if self.skip is None else self.skip.macs(nodes))
        return maps + 2 * nodes * total + (edges + nodes) * total


class SimpleHGN(TypedModel):
    """The map of features, then layers of attention with ELU between; the output has one head and length 1.

    An arc of each type is one of its own, and every node has a loop of a further type. Dropout of hidden states.
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = SimpleHGNHyperparameters
    activates_input: ClassVar[bool] = False

    def hidden_widths(self, hyper: Any) -> list[int]:
        return [hyper.hidden] + [hyper.hidden * hyper.heads] * (hyper.layers - 2)

    def make_typed(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        width, heads = (out_features, 1) if output else (self.hyper.hidden, self.hyper.heads)
        relations = len(self.types.edges)
        return RelationConvolution(in_features, width, heads, relations, self.hyper, residual=index > 1, output=output)

    def activate(self, x: Tensor) -> Tensor:
        return F.elu(x)

    def apply_layer(self, layer: Convolution, graph: Graph, state: Features, hidden: Sequence[Tensor]) -> Tensor:
        if not isinstance(layer, RelationConvolution):
            return super().apply_layer(layer, graph, state, hidden)
        before = self.layers[len(hidden) - 1]
        layer.previous = None if layer.output else getattr(before, "coefficients", None)
        made = super().apply_layer(layer, graph, state, hidden)
        layer.previous = None
        return made

    def forward(self, graph: Graph) -> Output:
        output = super().forward(graph)
        for layer in self.layers:
            if isinstance(layer, RelationConvolution):
                layer.coefficients = None
        if not self.hyper.normalised:
            return output
        logits = output.logits / output.logits.norm(dim=1, keepdim=True).clamp(min=_SMALLEST)
        return Output(logits, output.hidden)
