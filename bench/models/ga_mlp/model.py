"""The graph-augmented MLP that MuGSI trains as a student (Yao et al., WWW 2024)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.bench.models.base import ModelHyperparameters, of_items
from graph_distillery.bench.models.layers import Convolution, Dense, Features, drop_features, make_norm
from graph_distillery.bench.models.mlp.model import MLP, MLPHyperparameters
from graph_distillery.bench.models.neighbourhood import Neighbourhood
from graph_distillery.methods.contract import Output
from graph_distillery.methods.contract.graph import Graph, compress_features
from graph_distillery.methods.contract.items import Level
from graph_distillery.methods.contract.sparse import SparseMatrix


class GAMLPHyperparameters(MLPHyperparameters):
    aggregate: Literal["by-degree", "mean", "sum"] = Field(
        "by-degree", description="what is read of the neighbours: sum of x_j / d_j (released code), mean, or sum of x_j"
    )


class GAMLP(MLP):
    """Two MLPs of one shape, the first reads x_i, the second what is gathered of the features of i's neighbours.

    Each has its own norms; hidden state l is the sum of both's, and the last of them is read out, or is what the output
    layer reads. Nothing is propagated later, so that what is gathered is made once for a graph and kept with its
    features. Features of edges, which the authors map by a third MLP where there are any, are not read.
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = GAMLPHyperparameters
    by_layer: ClassVar[bool] = False
    uses_edges: ClassVar[bool] = True

    def __init__(
        self,
        in_features: int,
        out_features: int,
        hyper: ModelHyperparameters,
        level: Level = "node",
        edge_width: int | None = None,
    ) -> None:
        super().__init__(in_features, out_features, hyper, level, edge_width)
        count = len(self.layers) if len(self.layers) == 1 else len(self.norms)
        widths = [in_features, *self.hidden_widths(hyper)]
        outputs = [*widths[1:], *(cast(Dense, each).linear.out_features for each in self.layers[-1:])]
        self.hop_layers = nn.ModuleList(Dense(widths[i], outputs[i]) for i in range(count))
        self.hop_norms = nn.ModuleList(make_norm(self.hyper.norm, width) for width in widths[1:])

    def gathered(self, graph: Graph) -> Features:
        """What is read of the neighbours of every node, [nodes, in]."""

        def make() -> Features:
            state, kind = graph.dense_features(), self.hyper.aggregate
            if kind == "by-degree":
                state = state / _degrees(graph).clamp(min=1)[:, None]
            found = graph.propagation("mean" if kind == "mean" else "sum") @ state
            return found if found.requires_grad else compress_features(found)

        if isinstance(graph.features, Tensor) and graph.features.requires_grad:
            return make()
        return graph.cached_of_features(("gathered", self.hyper.aggregate), make)

    def forward(self, graph: Graph) -> Output:
        """As every model's; both MLPs draw a dropout of their own."""
        towers: list[Features] = [graph.features, self.gathered(graph)]
        stacks = ((self.layers, self.norms), (self.hop_layers, self.hop_norms))
        hidden: list[Tensor] = []
        for index in range(len(self.norms)):
            towers = [self._advance(index, *stack, graph, state) for stack, state in zip(stacks, towers, strict=True)]
            hidden.append(cast(Tensor, towers[0]) + cast(Tensor, towers[1]))
        if hidden:
            state = hidden[-1]
            if len(self.layers) > len(hidden):
                state = self.layers[-1](graph, drop_features(state, self.hyper.dropout, self.training))
        elif len(self.layers):
            state = self.layers[0](graph, towers[0]) + self.hop_layers[0](graph, towers[1])
        else:  # one layer, and that the head
            state = torch.stack([_dense(each) for each in towers]).sum(dim=0)
        if self.head is None:
            return Output(of_items(state, graph), tuple(hidden))
        pooled = self.pool(state, graph)
        return Output(self.head(self.before_head(pooled)), tuple(hidden), pooled)

    def _advance(self, index: int, layers: Any, norms: Any, graph: Graph, state: Features) -> Tensor:
        """Hidden layer number `index` of one of the two."""
        read = drop_features(state, self.hyper.dropout, self.training) if index > 0 else state
        made = self.activate(norms[index](layers[index](graph, read)))
        return self.add_residual(made, read) if self.hyper.residual and index > 0 else made

    def named_states(self) -> dict[str, str]:
        """None: its hidden states are sums of two, each after an activation of its own."""
        return {}

    def convolutions(self) -> list[Convolution]:
        return [*super().convolutions(), *cast("list[Convolution]", list(self.hop_layers))]

    @property
    def receptive_hops(self) -> int:
        return 1

    def macs(self, nodes: int, edges: int, graphs: int = 1) -> int:
        return super().macs(nodes, edges, graphs) + edges * self.in_features


def _degrees(graph: Graph) -> Tensor:
    """[nodes] int64: in-degrees; of a part, whose outermost nodes lack their arcs, those of the whole."""
    if isinstance(graph, Neighbourhood) and graph.whole is not None:
        return graph.whole.in_degrees()[graph.inside]
    return graph.in_degrees()


def _dense(features: Features) -> Tensor:
    return features.to_dense() if isinstance(features, SparseMatrix) else features
