"""GraphSAGE with full neighbourhoods (Hamilton et al., NeurIPS 2017)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from bench.models.base import Model, ModelHyperparameters
from bench.models.gcn import PropagatedLinear
from bench.models.layers import Convolution, FeatureLinear, Features
from methods.graph import Graph, PropagationKind
from methods.sparse import SparseMatrix


class SAGEHyperparameters(ModelHyperparameters):
    aggregator: Literal["gcn", "mean"] = Field(
        "gcn", description="gcn: one weight on the mean over a node and its neighbours; mean: a weight each"
    )


class MeanConvolution(Convolution):
    """x W_self + (D^-1 A x) W_neighbours + b; a node without in-neighbours keeps its own term alone."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.narrows = out_features < in_features
        self.width = min(in_features, out_features)
        self.itself = FeatureLinear(in_features, out_features, initialisation="glorot-relu")
        self.neighbours = FeatureLinear(in_features, out_features, bias=False, initialisation="glorot-relu")

    def forward(self, graph: Graph, x: Features) -> Tensor:
        matrix = graph.propagation("mean")
        own: Tensor = self.itself(x)
        if self.narrows or isinstance(x, SparseMatrix):
            return own + matrix @ self.neighbours(x)
        return torch.addmm(own, matrix @ x, self.neighbours.weight)

    def macs(self, nodes: int, edges: int) -> int:
        return self.itself.macs(nodes) + self.neighbours.macs(nodes) + edges * self.width


class SAGE(Model):
    """Layers of one mean aggregator; dropout on hidden states alone, as in DGL's example and GLNN's teachers.

    `gcn` is DGL's aggregator of that name, (x_i + sum of the neighbours) / (degree + 1) before the weight,
    which GLNN's teachers use. No L2 normalisation. Glorot initialisation with gain sqrt(2), as DGL.
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = SAGEHyperparameters
    propagations: ClassVar[tuple[PropagationKind, ...]] = ("mean", "mean_self")

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        if self.hyper.aggregator == "mean":
            return MeanConvolution(in_features, out_features)
        linear = FeatureLinear(in_features, out_features, bias=False, initialisation="glorot-relu")
        return PropagatedLinear(in_features, out_features, "mean_self", linear)
