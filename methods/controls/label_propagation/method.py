"""Label propagation (Zhou et al., Learning with Local and Global Consistency, NeurIPS 2003)."""

from __future__ import annotations

import torch
from pydantic import Field
from torch.nn.functional import one_hot

from graph_distillery.methods.contract import Hyperparameters, Method, Output
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.propagation import SymmetricAdjacency


class LabelPropagationHyperparameters(Hyperparameters):
    layers: int = Field(50, ge=1, description="rounds of propagation")
    alpha: float = Field(0.9, gt=0, lt=1, description="weight of the neighbours against the seeds of the labels")


class LabelPropagation(Method[LabelPropagationHyperparameters]):
    """F <- alpha S F + (1 - alpha) Y, `layers` times (their iteration), with S = D^-1/2 A D^-1/2.

    It reads no features and trains nothing. At inference it needs the graph and the training labels. A node out
    of reach of every label is given the labels' frequencies, which keeps its prediction the majority class.
    """

    Hyperparameters = LabelPropagationHyperparameters
    trainable = False

    def setup(self) -> None:
        data = self.context.data
        if data is None:
            raise ValueError("label propagation needs the labels of the training data")
        labels = one_hot(data.labels, data.task.num_classes).float()
        self.seeds = data.labelled
        self.seed_labels = labels
        self.frequency = labels.mean(dim=0)

    def predict(self, graph: Graph) -> Output:
        start = torch.zeros(graph.num_nodes, self.context.task.num_classes, device=graph.device)
        start[self.seeds] = self.seed_labels
        adjacency = SymmetricAdjacency(graph.propagation("sum"), graph.in_degrees())
        state = start
        for _ in range(self.hyper.layers):
            state = self.hyper.alpha * adjacency(state) + (1 - self.hyper.alpha) * start
        reached = state.sum(dim=1, keepdim=True)
        shares = torch.where(reached > 0, state / reached.clamp(min=1e-12), self.frequency)
        return Output(shares.clamp(min=1e-12).log())
