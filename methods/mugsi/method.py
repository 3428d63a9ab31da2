"""MuGSI: a GNN's knowledge of graphs, of their communities and of walks in them, for an MLP (Yao et al., WWW 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, Graph, Hyperparameters, Method, Output, Serving
from graph_distillery.methods.contract.widening import beside
from graph_distillery.methods.losses.hints import hidden_width, pick_layer
from graph_distillery.methods.mugsi.terms import (
    community_difference,
    draw_walks,
    readout_difference,
    walk_divergence,
)

_POSITIONS = "graph_positions"


class MuGSIHyperparameters(Hyperparameters):
    soft_weight: float = Field(1.0, ge=0, description="weight of KL(p_t || p_s) at temperature 1")
    graph_weight: float = Field(0.01, ge=0, description="weight of the squared error of the readouts, of norm 1 each")
    cluster_weight: float = Field(0.01, ge=0, description="weight of the cosines among a graph's communities")
    path_weight: float = Field(1e-4, ge=0, description="weight of what random walks say")
    walks: int = Field(20, ge=1, description="random walks in each graph, drawn anew in each step")
    walk_length: int = Field(8, ge=1, description="steps of a walk")
    resolution: float = Field(1.0, gt=0, description="of Louvain's communities; above 1 favours smaller ones")
    position_dim: int = Field(20, ge=0, le=1024, description="Laplacian eigenvectors beside the features; 0: none")


class MuGSI(Method[MuGSIHyperparameters]):
    """CE + the four terms of `terms` and of soft labels, each by its weight; weight 0 leaves a term out.

    x is a node's features with its position beside them (`artefacts.graph_positions`). States are the last hidden ones
    of student and teacher; of the readouts a trained linear map W of the student's is compared.
    """

    Hyperparameters = MuGSIHyperparameters
    quick: ClassVar[Mapping[str, Any]] = {"position_dim": 6, "walks": 5}

    def setup(self) -> None:
        hyper = self.hyper
        self.encoder: nn.Linear | None = None
        self.needs_edges = hyper.path_weight > 0
        if hyper.cluster_weight > 0 or hyper.path_weight > 0:
            hidden_width(self, -1)
            pick_layer(self.teachers[0].hidden, -1, "teacher")
        if hyper.graph_weight > 0:
            teacher = self.teachers[0].state("pooled").shape[1]
            self.encoder = nn.Linear(self._readout_width(), teacher)

    def new_student(self, num_features: int | None = None, **hyper: Any) -> nn.Module:
        return super().new_student((num_features or self.context.num_features) + self.hyper.position_dim, **hyper)

    def _readout_width(self) -> int:
        """The width of the student's readout, seen on one graph without dropout or gradients."""
        assert self.context.data is not None
        self.eval()
        with torch.no_grad():
            pooled = self(self.context.data.graph.select_graphs(self.context.data.labelled[:1])).pooled
        self.train()
        assert pooled is not None
        return int(pooled.shape[1])

    def inputs(self, graph: Graph) -> Graph:
        return beside(graph, _POSITIONS) if self.hyper.position_dim else graph

    def serving(self) -> Serving:
        return Serving(_POSITIONS) if self.hyper.position_dim else Serving()

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        hyper, teacher = self.hyper, batch.teacher
        terms = {"labels": self.task.label_loss(student.logits[batch.labelled], batch.labels)}
        if hyper.soft_weight > 0:
            terms["teacher"] = hyper.soft_weight * self.task.divergence(student.logits, teacher.logits, 1.0)
        if self.encoder is not None:
            assert student.pooled is not None
            difference = readout_difference(self.encoder(student.pooled), teacher.state("pooled"))
            terms["graphs"] = hyper.graph_weight * difference
        if hyper.cluster_weight > 0:
            states, others = student.hidden[-1], teacher.hidden[-1]
            communities = batch.graph.node_columns["communities"]
            difference = community_difference(states, others, batch.graph, communities)
            terms["clusters"] = hyper.cluster_weight * difference
        if hyper.path_weight > 0:
            terms["paths"] = hyper.path_weight * self._walks(batch, student)
        return terms

    def _walks(self, batch: Batch, student: Output) -> Tensor:
        hyper, graph = self.hyper, batch.graph
        walks, _ = draw_walks(graph, hyper.walks, hyper.walk_length)
        states, others = student.hidden[-1], batch.teacher.hidden[-1]
        return walk_divergence(states, others, walks, hyper.walks, graph.num_graphs)
