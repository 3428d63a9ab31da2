"""Graph convolutional networks (Kipf & Welling, ICLR 2017, equation 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from graph_distillery.bench.models.base import Model, ModelHyperparameters
from graph_distillery.bench.models.blocks import BLOCK, Block
from graph_distillery.bench.models.fan_out import SampledHyperparameters
from graph_distillery.bench.models.layers import Convolution, FeatureLinear, Features, propagated
from graph_distillery.bench.models.neighbourhood import weighted_propagation
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.propagation import PropagationKind
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.dense_product import product


class GCNHyperparameters(SampledHyperparameters):
    block: Block = BLOCK


class PropagatedLinear(Convolution):
    """P x W + b with one of the graph's propagation matrices, in the cheaper order of the two products."""

    may_overwrite = True

    def __init__(self, in_features: int, out_features: int, kind: PropagationKind, linear: FeatureLinear) -> None:
        super().__init__()
        self.kind = kind
        self.narrows = out_features < in_features
        self.width = min(in_features, out_features)
        self.linear = linear
        self.bias = nn.Parameter(torch.zeros(out_features))

    def forward(self, graph: Graph, x: Features) -> Tensor:
        matrix = self._matrix(graph)
        if self.narrows or isinstance(x, SparseMatrix):
            return (matrix @ self.linear(x)).add_(self.bias)
        return product(propagated(matrix, graph, x), self.linear.weight, self.bias)

    def _matrix(self, graph: Graph) -> SparseMatrix:
        return weighted_propagation(graph) if self.kind == "gcn" else graph.propagation(self.kind)

    @staticmethod
    def several(layers: Sequence[Any], graph: Graph, states: Sequence[Features]) -> list[Tensor]:
        """As each by itself, column by column; a sparse product of so many columns takes a third of theirs."""
        first, x = layers[0], states[0]
        if isinstance(x, SparseMatrix) and first.linear.bias is None and all(state is x for state in states):
            wide = x @ torch.cat([layer.linear.weight for layer in layers], 1)
        elif first.narrows and not isinstance(x, SparseMatrix):
            wide = torch.cat([layer.linear(state) for layer, state in zip(layers, states, strict=True)], 1)
        else:
            return Convolution.several(layers, graph, states)
        parts = (first._matrix(graph) @ wide).chunk(len(layers), 1)
        return [part + layer.bias for part, layer in zip(parts, layers, strict=True)]

    def macs(self, nodes: int, edges: int) -> int:
        return self.linear.macs(nodes) + (edges + nodes) * self.width


class GCN(Model):
    """D^-1/2 (A + I) D^-1/2 x W + b per layer, Glorot initialisation; A holds the arcs' weights where they have any.

    Dropout acts on the input of every layer, the features included, as the authors' code does. (GLNN's GCN
    teacher drops hidden states alone.)
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = GCNHyperparameters
    drops_features: ClassVar[bool] = True
    reads_weights: ClassVar[bool] = True
    reads_blocks: ClassVar[bool] = True

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        linear = FeatureLinear(in_features, out_features, bias=False, initialisation="glorot")
        return PropagatedLinear(in_features, out_features, "gcn", linear)
