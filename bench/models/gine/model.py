"""Graph isomorphism networks that read the attributes of arcs (Hu et al., ICLR 2020, as PyG's GINEConv has them)."""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.models.base import Model, ModelHyperparameters
from graph_distillery.bench.models.gin.model import GINHyperparameters, IsomorphismConvolution
from graph_distillery.bench.models.layers import Convolution, FeatureLinear, Features
from graph_distillery.methods.contract.columns import ATTRIBUTES
from graph_distillery.methods.contract.graph import Graph


class AttributedConvolution(IsomorphismConvolution):
    """MLP((1 + eps) x + sum over in-neighbours of ReLU(x_j + the mapped attributes of the arc)).

    edge_width: of the attributes; None where arcs have none, which adds nothing to x_j. The sum is of rectified
    states, so the first linear map of the MLP comes after it, whatever the widths.
    """

    def __init__(
        self, in_features: int, inner: int, out_features: int, hyper: GINHyperparameters, edge_width: int | None
    ) -> None:
        super().__init__(in_features, inner, out_features, hyper)
        self.edges = None if edge_width is None else FeatureLinear(edge_width, in_features)

    def forward(self, graph: Graph, x: Features) -> Tensor:
        state = x if isinstance(x, Tensor) else x.to_dense()
        source, target = graph.edge_index
        messages = state.index_select(0, source)
        if self.edges is not None:
            messages = messages + self.edges(graph.edge_columns[ATTRIBUTES].to(state.dtype))
        own = state if self.eps is None else (1 + self.eps) * state
        total = own.index_add(0, target, F.relu(messages))
        out: Tensor = self.second(F.relu(self.norm(self.first(total) + self.first_bias)))
        return out

    def macs(self, nodes: int, edges: int) -> int:
        mapped = 0 if self.edges is None else self.edges.macs(edges)
        summed = (edges + nodes) * self.first.in_features
        return mapped + summed + self.first.macs(nodes) + self.second.macs(nodes)


class GINE(Model):
    """As `gin`, with the attributes of arcs; dropout on hidden states alone."""

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = GINHyperparameters
    reads_attributes: ClassVar[bool] = True

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        edges = self.edge_width
        return AttributedConvolution(in_features, self.hyper.hidden, out_features, self.hyper, edges)
