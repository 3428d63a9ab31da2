"""The multi-layer perceptron that GLNN and its successors train (Zhang et al., ICLR 2022)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from graph_distillery.bench.models.base import Model
from graph_distillery.bench.models.layers import Convolution, FeatureLinear, Features
from graph_distillery.methods.contract.graph import Graph


class Dense(Convolution):
    """A linear layer that looks at each node alone."""

    hops = 0

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.linear = FeatureLinear(in_features, out_features)

    def forward(self, graph: Graph, x: Features) -> Tensor:
        out: Tensor = self.linear(x)
        return out

    def macs(self, nodes: int, edges: int) -> int:
        return self.linear.macs(nodes)


class MLP(Model):
    """Linear layers with dropout on the hidden states alone, as GLNN's code; nn.Linear's initialisation."""

    uses_edges: ClassVar[bool] = False

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        return Dense(in_features, out_features)
