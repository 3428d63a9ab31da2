"""Relational graph convolutional networks (Schlichtkrull et al., ESWC 2018, equation 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graph_distillery.bench.models.heterogeneous.base import TypedModel, relation_matrix
from graph_distillery.bench.models.layers import Convolution, FeatureLinear, Features
from graph_distillery.methods.contract.graph import Graph


class RelationalConvolution(Convolution):
    """x_i W_0 + b + sum over edge types r of the mean of x_j W_r over the in-neighbours of i by r.

    weight: [types, in, out]. output: for items alone.
    """

    def __init__(self, in_features: int, out_features: int, relations: int, output: bool) -> None:
        super().__init__()
        self.own = FeatureLinear(in_features, out_features, initialisation="glorot")
        self.weight = nn.Parameter(torch.empty(relations, in_features, out_features))
        nn.init.xavier_uniform_(self.weight.view(relations * in_features, out_features), gain=relations**0.5)
        self.output = output

    def forward(self, graph: Graph, x: Features) -> Tensor:
        assert isinstance(x, Tensor)
        rows = graph.num_targets if self.output else graph.num_receivers
        means = [relation_matrix(graph, kind, rows) @ x for kind in range(self.weight.shape[0])]
        own: Tensor = self.own(x[:rows])
        return own + torch.cat(means, dim=1) @ self.weight.view(-1, self.weight.shape[2])

    def macs(self, nodes: int, edges: int) -> int:
        return self.own.macs(nodes) * (1 + len(self.weight)) + edges * self.own.in_features


class RGCN(TypedModel):
    """The map of features, then relational convolutions, ReLU after all but the last; dropout on hidden states."""

    def make_typed(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        return RelationalConvolution(in_features, out_features, len(self.types.edges), output)
