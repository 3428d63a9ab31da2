"""Personalised propagation of neural predictions (Gasteiger et al., ICLR 2019, equation 5)."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from graph_distillery.bench.models.base import Model, ModelHyperparameters
from graph_distillery.bench.models.layers import Convolution, Dense
from graph_distillery.methods.contract.dropout import dropout
from graph_distillery.methods.contract.graph import Graph


class APPNPHyperparameters(ModelHyperparameters):
    alpha: float = Field(0.1, ge=0, le=1, description="teleport probability")
    k: int = Field(10, ge=0, description="propagation steps")
    propagation_dropout: float = Field(0.0, ge=0, lt=1, description="dropout of the entries of P, each step")


class APPNP(Model):
    """An MLP on the features, then Z <- (1 - alpha) P Z + alpha H, `k` times, with P of GCN.

    Dropout acts on the features and on the hidden states, as in the authors' code, and `propagation_dropout`
    draws the entries of P anew in every step. At graph level it is the last hidden state that propagates.
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = APPNPHyperparameters
    by_layer: ClassVar[bool] = True
    drops_features: ClassVar[bool] = True

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        return Dense(in_features, out_features)

    def propagate(self, graph: Graph, x: Tensor) -> Tensor:
        alpha, p = self.hyper.alpha, self.hyper.propagation_dropout
        matrix = graph.propagation("gcn")
        start, state = alpha * x, x
        for _ in range(self.hyper.k):
            values = dropout(matrix.values, p, self.training) if p else None
            state = torch.add(start, matrix.matmul(state, values), alpha=1 - alpha)
        return state

    @property
    def receptive_hops(self) -> int:
        return int(self.hyper.k)

    def macs(self, nodes: int, edges: int, graphs: int = 1) -> int:
        width = self.out_features if self.level == "node" else self.hyper.hidden
        if self.level == "graph" and self.hyper.layers == 1:
            width = self.in_features
        return super().macs(nodes, edges, graphs) + self.hyper.k * (edges + nodes) * width
