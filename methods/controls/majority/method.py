"""The majority class of the labelled items: the floor of every accuracy."""

from __future__ import annotations

import torch

from graph_distillery.methods.contract import Hyperparameters, Method, Output
from graph_distillery.methods.contract.graph import Graph


class Majority(Method[Hyperparameters]):
    """Predicts the labels' frequencies for every item; multi-label: each label's own frequency."""

    trainable = False

    def setup(self) -> None:
        data = self.context.data
        if data is None:
            raise ValueError("the majority class is counted on the labels of the training data")
        if data.task.multilabel:
            frequency = data.labels.float().mean(dim=0)
            logits = torch.logit(frequency, eps=1e-6)
        else:
            counts = torch.bincount(data.labels, minlength=data.task.num_classes).float()
            logits = torch.log(counts.clamp(min=1e-6) / counts.sum())
        self.register_buffer("logits", logits)
        self.logits: torch.Tensor

    def predict(self, graph: Graph) -> Output:
        items = graph.num_graphs if self.context.task.level == "graph" else graph.num_nodes
        return Output(self.logits.expand(items, -1))
