"""Graph isomorphism networks (Xu et al., ICLR 2019, equation 4.1)."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.bench.models.base import Model, ModelHyperparameters
from graph_distillery.bench.models.fan_out import SampledHyperparameters
from graph_distillery.bench.models.layers import Convolution, FeatureLinear, Features, first_rows, make_norm
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.dense_product import product


class GINHyperparameters(ModelHyperparameters):
    train_eps: bool = Field(False, description="learn epsilon (GIN-eps); otherwise it is 0 (GIN-0)")


class SampledGINHyperparameters(GINHyperparameters, SampledHyperparameters):
    """GIN's own: GINE reads the attributes of all arcs."""


class IsomorphismConvolution(Convolution):
    """MLP((1 + eps) x + sum of the in-neighbours), the MLP being linear, norm, ReLU, linear.

    The first linear map commutes with the sum, so it goes first where it narrows or where x is sparse.
    """

    eps: nn.Parameter | None

    def __init__(self, in_features: int, inner: int, out_features: int, hyper: GINHyperparameters) -> None:
        super().__init__()
        self.narrows = inner < in_features
        self.width = min(in_features, inner)
        self.first = FeatureLinear(in_features, inner, bias=False)
        self.first_bias = nn.Parameter(torch.empty(inner).uniform_(-1, 1) / max(in_features, 1) ** 0.5)
        self.norm = make_norm(hyper.norm, inner)
        self.second = FeatureLinear(inner, out_features)
        self.register_parameter("eps", nn.Parameter(torch.zeros(())) if hyper.train_eps else None)

    def forward(self, graph: Graph, x: Features) -> Tensor:
        if self.narrows or isinstance(x, SparseMatrix):
            inner = self._sum(graph, self.first(x)) + self.first_bias
        else:
            inner = product(self._sum(graph, x), self.first.weight, self.first_bias)
        out: Tensor = self.second(F.relu(self.norm(inner)))
        return out

    def _sum(self, graph: Graph, x: Tensor) -> Tensor:
        total = graph.propagation("sum_self") @ x
        return total if self.eps is None else total + self.eps * first_rows(x, total.shape[0])

    def macs(self, nodes: int, edges: int) -> int:
        return self.first.macs(nodes) + (edges + nodes) * self.width + self.second.macs(nodes)


class GIN(Model):
    """Isomorphism layers with inner width `hidden`; dropout on hidden states alone.

    Where a norm is asked for it stands inside each layer's MLP as well as after the layer, as in the authors'
    code. The graph-level head reads the last hidden state (the authors sum heads over all layers).
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = SampledGINHyperparameters
    reads_blocks: ClassVar[bool] = True

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        return IsomorphismConvolution(in_features, self.hyper.hidden, out_features, self.hyper)
