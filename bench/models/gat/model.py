"""Graph attention networks (Veličković et al., ICLR 2018, equations 1 to 6)."""

from __future__ import annotations

from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from graph_distillery.bench.models.base import Model, ModelHyperparameters
from graph_distillery.bench.models.blocks import BLOCK, Block
from graph_distillery.bench.models.fan_out import SampledHyperparameters
from graph_distillery.bench.models.gat.attention import arc_scores, attend, attention_places
from graph_distillery.bench.models.layers import Convolution, FeatureLinear, Features, first_rows
from graph_distillery.methods.contract.columns import ATTRIBUTES
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix


class GATHyperparameters(SampledHyperparameters):
    hidden: int = Field(128, ge=1, description="width of a hidden state, all heads together")
    heads: int = Field(8, ge=1, description="attention heads of a hidden layer, concatenated")
    output_heads: int = Field(1, ge=1, description="attention heads of the output layer, averaged")
    attention_dropout: float = Field(0.0, ge=0, lt=1, description="dropout of attention coefficients")
    negative_slope: float = Field(0.2, ge=0, lt=1, description="of the LeakyReLU on attention scores")
    bias: bool = Field(True, description="a bias in each attention layer")
    residual: bool = Field(False, description="a skip connection in each layer from the second on, output too")
    linear_residual: bool = Field(
        False, description="a weight in every residual, as DGL before 0.7; otherwise only where widths differ"
    )
    block: Block = BLOCK

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"hidden = {self.hidden} is the width of all heads, so a multiple of heads = {self.heads}")
        return self


class AttentionConvolution(Convolution):
    """Attention over in-neighbours and the node itself; heads concatenated, or averaged in the output layer.

    residual: none; identity; or linear, a weight without bias. It is added per head, before averaging.
    edge_width: of the arcs' attributes, of which a linear map adds to the scores; None where arcs have none.
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        in_features: int,
        width: int,
        hyper: GATHyperparameters,
        *,
        output: bool,
        residual: str,
        edge_width: int | None = None,
    ) -> None:
        super().__init__()
        self.heads = hyper.output_heads if output else hyper.heads
        self.width, self.averaged = width, output
        self.negative_slope, self.attention_dropout = hyper.negative_slope, hyper.attention_dropout
        self.linear = FeatureLinear(in_features, self.heads * width, bias=False, initialisation="glorot")
        self.source_attention = nn.Parameter(torch.empty(self.heads, width))
        self.target_attention = nn.Parameter(torch.empty(self.heads, width))
        nn.init.xavier_uniform_(self.source_attention)
        nn.init.xavier_uniform_(self.target_attention)
        self.identity = residual == "identity"
        self.skip = (
            FeatureLinear(in_features, self.heads * width, bias=False, initialisation="glorot")
            if residual == "linear"
            else None
        )
        self.edges = None if edge_width is None else FeatureLinear(edge_width, self.heads * width, False, "glorot")
        if edge_width is not None:
            self.edge_attention = nn.Parameter(torch.empty(self.heads, width))
            nn.init.xavier_uniform_(self.edge_attention)
        size = width if output else self.heads * width
        self.register_parameter("bias", nn.Parameter(torch.zeros(size)) if hyper.bias else None)

    def forward(self, graph: Graph, x: Features) -> Tensor:
        states: Tensor = self.linear(x)
        source = (states @ _by_head(self.source_attention)).view(-1)
        places = attention_places(graph, self.heads)
        rows = places.shape[0] // self.heads
        target = (first_rows(states, rows) @ _by_head(self.target_attention)).view(-1)
        dropped = self.attention_dropout if self.training else 0.0
        out = attend(
            states.view(-1, self.width),
            source,
            target,
            places,
            negative_slope=self.negative_slope,
            attention_dropout=dropped,
            of_arcs=self._of_arcs(graph, places),
        )
        out = out.view(-1, self.heads * self.width)
        if self.skip is not None:
            out = out + first_rows(self.skip(x), rows)
        elif self.identity and isinstance(x, Tensor):
            out = out + first_rows(x, rows)
        if self.averaged and self.heads > 1:
            out = out.view(-1, self.heads, self.width).mean(dim=1)
        return out if self.bias is None else out + self.bias

    def _of_arcs(self, graph: Graph, places: SparseMatrix) -> Tensor | None:
        """[entries]: the scores of the arcs' attributes, the map and the attention vector taken together first."""
        if self.edges is None:
            return None
        weight = self.edges.weight @ _by_head(self.edge_attention)
        return arc_scores(graph.edge_columns[ATTRIBUTES].to(weight.dtype) @ weight, graph, places)

    def macs(self, nodes: int, edges: int) -> int:
        total_width = self.heads * self.width
        maps = self.linear.macs(nodes) + (0 if self.skip is None else self.skip.macs(nodes))
        if self.edges is not None:
            maps += self.edges.in_features * self.heads * edges
        return maps + 2 * nodes * total_width + (edges + nodes) * total_width


def _by_head(attention: Tensor) -> Tensor:
    """[heads, width] -> [heads · width, heads], block diagonal: all heads' scores in one dense product."""
    heads, width = attention.shape
    own = torch.eye(heads, dtype=attention.dtype, device=attention.device)
    return (attention[:, :, None] * own[:, None, :]).view(heads * width, heads)


class GAT(Model):
    """Attention layers with ELU between; dropout on the input of every layer, the features included.

    `hidden` is the width of all heads together. Residuals stand inside the layers, before the activation,
    from the second layer on and in the output layer too, as in DGL's layer and in LSP's teacher. Attributes of arcs,
    where there are any, are scored as in PyG's GATConv with `edge_dim`.
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = GATHyperparameters
    drops_features: ClassVar[bool] = True
    reads_attributes: ClassVar[bool] = True
    reads_blocks: ClassVar[bool] = True

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        hyper: GATHyperparameters = self.hyper
        width = out_features if output else out_features // hyper.heads
        total_width = width * (hyper.output_heads if output else hyper.heads)
        residual = "none"
        if hyper.residual and index > 0 and not self.tuned:
            residual = "linear" if hyper.linear_residual or in_features != total_width else "identity"
        edges = self.edge_width
        return AttentionConvolution(in_features, width, hyper, output=output, residual=residual, edge_width=edges)

    def activate(self, x: Tensor) -> Tensor:
        return F.elu(x)

    def add_residual(self, x: Tensor, layer_input: Features) -> Tensor:
        return x  # the layers hold their own
