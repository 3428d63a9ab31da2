"""Deep GCNs with initial residual and identity mapping (Chen et al., ICML 2020, equations 5 and 6)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from graph_distillery.bench.models.base import Model, ModelHyperparameters
from graph_distillery.bench.models.fan_out import SampledHyperparameters
from graph_distillery.bench.models.layers import Convolution, Dense, FeatureLinear, Features, first_rows
from graph_distillery.methods.contract.graph import Graph


class GCNIIHyperparameters(SampledHyperparameters):
    layers: int = Field(10, ge=1, description="layers with weights: the convolutions, one linear before, one after")
    alpha: float = Field(0.1, ge=0, le=1, description="share of the first state in what each convolution reads")
    decay: float = Field(0.5, ge=0, description="lambda; the weight of convolution l counts log(lambda / l + 1)")
    shared_weights: bool = Field(True, description="one weight a convolution; false: another for the first state")


class IdentityConvolution(Convolution):
    """((1 - alpha) P x + alpha x_0) ((1 - b) I + b W), b = log(decay / number + 1).

    number: of the convolution, from 1. Without `shared_weights`, x_0 has a weight of its own in the place of W.
    """

    def __init__(self, width: int, number: int, hyper: GCNIIHyperparameters) -> None:
        super().__init__()
        self.alpha, self.beta = hyper.alpha, math.log(hyper.decay / number + 1)
        self.linear = FeatureLinear(width, width, bias=False)
        self.of_start = None if hyper.shared_weights else FeatureLinear(width, width, bias=False)

    def forward(self, graph: Graph, x: Features, start: Tensor | None = None) -> Tensor:
        """x, start: [nodes, width]."""
        assert isinstance(x, Tensor)
        assert start is not None
        around = (1 - self.alpha) * (graph.propagation("gcn") @ x)
        start = self.alpha * first_rows(start, around.shape[0])
        if self.of_start is None:
            return self.mapped(around + start, self.linear.weight)
        return self.mapped(around, self.linear.weight) + self.mapped(start, self.of_start.weight)

    def mapped(self, x: Tensor, weight: Tensor) -> Tensor:
        """(1 - b) x + b x W."""
        return torch.addmm(x, x, weight, beta=1 - self.beta, alpha=self.beta)

    def macs(self, nodes: int, edges: int) -> int:
        maps = 1 if self.of_start is None else 2
        return maps * self.linear.macs(nodes) + (edges + nodes) * self.linear.in_features


class GCNII(Model):
    """A linear layer, `layers - 2` convolutions that all read its state again, a linear layer; of two an MLP.

    Dropout acts on the input of every layer, the features included, and not on the first state as the convolutions
    read it. Weights start as nn.Linear's. The released code has one weight decay for convolutions (0.01) and one for
    the two linear layers (0.0005); here, as for every model, one is for all.
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = GCNIIHyperparameters
    drops_features: ClassVar[bool] = True
    reads_blocks: ClassVar[bool] = True

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        if index == 0 or output:
            return Dense(in_features, out_features)
        return IdentityConvolution(out_features, index, self.hyper)

    def apply_layer(self, layer: Convolution, graph: Graph, state: Features, hidden: Sequence[Tensor]) -> Tensor:
        made: Tensor = layer(graph, state, hidden[0]) if isinstance(layer, IdentityConvolution) else layer(graph, state)
        return made
