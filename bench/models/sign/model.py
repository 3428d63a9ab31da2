"""SIGN: an MLP on features that were propagated before any training (Frasca et al., 2020, equation 3)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from graph_distillery.bench.models.base import Model, ModelHyperparameters
from graph_distillery.bench.models.layers import Convolution, Dense, FeatureLinear, Features
from graph_distillery.methods.contract.graph import Graph, compress_features
from graph_distillery.methods.contract.sparse import SparseMatrix, lasting

#: The node column of propagated features, [nodes, hops · width], which a batch of rows has in the place of edges.
COLUMN = "sign_features"


class SIGNHyperparameters(ModelHyperparameters):
    hops: int = Field(3, ge=0, description="K, the highest power of the propagation matrix")
    propagation: Literal["gcn", "symmetric"] = Field(
        "gcn", description="P, D^-1/2 (A + I) D^-1/2, or symmetric: without the loops, as PyG's transform"
    )
    join: Literal["concat", "sum"] = Field(
        "concat", description="what becomes of the hops' maps: side by side (paper), or added up (released code)"
    )


class InceptionLayer(Convolution):
    """x W_0, P x W_1, ..., P^K x W_K, side by side or added up, and a bias.

    The powers are kept with the graph's features, unless these ask for a gradient; a graph that has the node column
    `sign_features` is read by that alone.
    """

    def __init__(self, in_features: int, out_features: int, hyper: SIGNHyperparameters, added: bool) -> None:
        """out_features: of each hop."""
        super().__init__()
        self.hops, self.kind, self.added = hyper.hops, hyper.propagation, added
        self.maps = torch.nn.ModuleList(
            FeatureLinear(in_features, out_features, bias=not added or hop == 0) for hop in range(hyper.hops + 1)
        )

    def forward(self, graph: Graph, x: Features) -> Tensor:
        states = [linear(power) for linear, power in zip(self.maps, self.powers(graph, x), strict=True)]
        return torch.stack(states).sum(dim=0) if self.added else torch.cat(states, dim=1)

    def powers(self, graph: Graph, x: Features) -> list[Features]:
        """P^k x for k = 0 to `hops`, [nodes, in] each."""
        if COLUMN in graph.node_columns:
            return [x, *graph.node_columns[COLUMN].split(int(x.shape[1]), dim=1)[: self.hops]]
        if x is not graph.features or (isinstance(x, Tensor) and x.requires_grad):
            return self.propagated(graph, x)
        with lasting():
            return graph.cached_of_features(("powers", self.kind, self.hops), lambda: self.propagated(graph, x))

    def propagated(self, graph: Graph, x: Features) -> list[Features]:
        matrix = graph.propagation(self.kind)
        state = x.to_dense() if isinstance(x, SparseMatrix) else x
        powers: list[Features] = [x]
        for _ in range(self.hops):
            state = matrix @ state
            powers.append(state if state.requires_grad else compress_features(state))
        return powers

    def macs(self, nodes: int, edges: int) -> int:
        """With the propagation, which nothing but a new graph asks for again."""
        linear = self.maps[0]
        assert isinstance(linear, FeatureLinear)
        loops = nodes if self.kind == "gcn" else 0
        return (self.hops + 1) * linear.macs(nodes) + self.hops * (edges + loops) * linear.in_features


class SIGN(Model):
    """The first layer maps the features of every hop, the others are linear; `hidden` is the width of each hop's map.

    ReLU, where the paper has PReLU in its first layer; dropout on hidden states alone. A residual is added where a
    layer's input is as wide as its output. It predicts a node from its own row of propagated features: mini-batches
    are rows, as an MLP's are.
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = SIGNHyperparameters

    def hidden_widths(self, hyper: SIGNHyperparameters) -> list[int]:
        joined = hyper.hidden * (hyper.hops + 1 if hyper.join == "concat" else 1)
        return [joined, *[hyper.hidden] * (hyper.layers - 2)] if hyper.layers > 1 else []

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        if index > 0:
            return Dense(in_features, out_features)
        added = output or self.hyper.join == "sum"
        return InceptionLayer(in_features, out_features if added else self.hyper.hidden, self.hyper, added)

    def add_residual(self, x: Tensor, layer_input: Features) -> Tensor:
        return super().add_residual(x, layer_input) if x.shape[1] == layer_input.shape[1] else x

    def as_rows(self, graph: Graph) -> Graph | None:
        """The graph with its propagated features as the node column `sign_features`, so that rows of it are enough."""
        first = self.layers[0] if len(self.layers) else None
        if self.level != "node" or not isinstance(first, InceptionLayer):
            return None
        if self.hyper.hops == 0:
            return graph
        powers = first.powers(graph, graph.features)[1:]
        dense = [each.to_dense() if isinstance(each, SparseMatrix) else each for each in powers]
        return graph.with_columns(nodes={COLUMN: torch.cat(dense, dim=1)})
