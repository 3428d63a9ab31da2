"""A multi-layer perceptron for each node type, which reads no edge: the floor of heterogeneous benchmarks."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from graph_distillery.bench.models.heterogeneous.base import TypedLinear, TypedModel
from graph_distillery.bench.models.layers import Convolution, Features
from graph_distillery.methods.contract.graph import Graph


class TypedDense(Convolution):
    """A linear layer for each node type."""

    hops = 0

    def __init__(self, in_features: int, out_features: int, types: int) -> None:
        super().__init__()
        self.linear = TypedLinear(in_features, out_features, types)

    def forward(self, graph: Graph, x: Features) -> Tensor:
        assert isinstance(x, Tensor)
        out: Tensor = self.linear(graph, x)
        return out

    def macs(self, nodes: int, edges: int) -> int:
        return self.linear.macs(nodes)


class HetMLP(TypedModel):
    """Linear layers with weights for each node type, ReLU between; dropout on hidden states alone."""

    uses_edges: ClassVar[bool] = False
    reads_blocks: ClassVar[bool] = False

    def make_typed(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        return TypedDense(in_features, out_features, len(self.types.nodes))
