"""Label propagation and a feature transformation, combined: CPF's student (Yang, Liu and Shi, WWW 2021, section 4)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import Model, ModelHyperparameters
from graph_distillery.bench.models.gat.attention import attend, attention_places
from graph_distillery.bench.models.layers import Convolution, Dense, FeatureLinear, drop_features
from graph_distillery.methods.contract import Output
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.items import Level

#: The node column of given labels: [nodes, classes], a one-hot row for each node that has one, else zeros.
GIVEN = "given_labels"


class PLPHyperparameters(ModelHyperparameters):
    layers: int = Field(1, ge=1, description="layers of the MLP; of one the features are mapped to classes linearly")
    steps: int = Field(8, ge=1, description="K, how often labels are propagated, by the same weights")
    attention: Literal["features", "nodes"] = Field(
        "features", description="what a neighbour's score is read from: its features (ind), or a weight it has (tra)"
    )
    attention_dropout: float = Field(0.0, ge=0, lt=1, description="dropout of attention coefficients")


class PLP(Model):
    """Labels propagated by learned attention, mixed with what an MLP says of each node, half and half at first.

    Every step draws its dropout anew, of features (in the MLP and in the scores) and of attention. What comes out is
    not negative and stands for logits. `drops_features`, as the released code.
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = PLPHyperparameters
    drops_features: ClassVar[bool] = True
    per_node: ClassVar[bool] = True
    reads_whole_graph: ClassVar[bool] = True

    def __init__(
        self, in_features: int, out_features: int, hyper: ModelHyperparameters, level: Level, num_nodes: int
    ) -> None:
        if level != "node":
            raise UserError("model 'plp' propagates the labels of nodes and predicts nothing else")
        super().__init__(in_features, out_features, hyper, level)
        self.num_nodes = num_nodes
        self.balance = nn.Parameter(torch.zeros(num_nodes, 1))
        self.of_features: FeatureLinear | None = None
        self.of_nodes: nn.Parameter | None = None
        if self.hyper.attention == "features":
            self.of_features = FeatureLinear(in_features, 1, bias=False)
            nn.init.xavier_normal_(self.of_features.weight, gain=nn.init.calculate_gain("relu"))
        else:
            self.of_nodes = nn.Parameter(torch.empty(num_nodes, 1))
            nn.init.xavier_normal_(self.of_nodes, gain=nn.init.calculate_gain("relu"))

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        return Dense(in_features, out_features)

    def forward(self, graph: Graph) -> Output:
        if graph.num_nodes != self.num_nodes:
            raise UserError(
                f"model 'plp' has weights for each of {self.num_nodes} nodes and cannot predict a graph of "
                f"{graph.num_nodes}"
            )
        given = graph.node_columns.get(GIVEN)
        state = self.balance.new_full((self.num_nodes, self.out_features), 1 / self.out_features)
        state = clamped(state, given)
        of_mlp: Output | None = None
        for _ in range(self.hyper.steps):
            if of_mlp is None or self.training:
                of_mlp = super().forward(graph)
            around = self.around(graph, state)
            mixed = torch.sigmoid(self.balance) * around + torch.sigmoid(-self.balance) * of_mlp.logits
            state = clamped(torch.relu(mixed), given)
        assert of_mlp is not None
        return Output(state, of_mlp.hidden)

    def around(self, graph: Graph, state: Tensor) -> Tensor:
        """The attention-weighted mean over in-neighbours and the node itself. state: [nodes, classes]."""
        scores = self.scores(graph)
        dropped = self.hyper.attention_dropout if self.training else 0.0
        places = attention_places(graph, heads=1)
        return attend(state, scores, torch.zeros_like(scores), places, negative_slope=1.0, attention_dropout=dropped)

    def scores(self, graph: Graph) -> Tensor:
        """[nodes]: what a node says of how much its label counts to those around it."""
        p = self.hyper.dropout
        if self.of_features is not None:
            scores: Tensor = self.of_features(drop_features(graph.features, p, self.training))
            return scores.squeeze(1)
        assert self.of_nodes is not None
        return torch.dropout(self.of_nodes, p, self.training).squeeze(1)

    def macs(self, nodes: int, edges: int, graphs: int = 1) -> int:
        """Of `steps` propagations, and one pass of the MLP and of the scores, which are the same in each."""
        scores = 0 if self.of_features is None else self.of_features.macs(nodes)
        return super().macs(nodes, edges) + scores + self.hyper.steps * (edges + nodes) * self.out_features


def clamped(state: Tensor, given: Tensor | None) -> Tensor:
    """The state, with the given labels in the rows that have one. Both [nodes, classes]."""
    return state if given is None else torch.where(given.sum(1, keepdim=True) > 0, given, state)
