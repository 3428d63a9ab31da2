"""The most frequent class of the training labels."""

from __future__ import annotations

import torch

from graph_distillery.methods.contract import Hyperparameters, Method, Output
from graph_distillery.methods.contract.graph import Graph


class Majority(Method[Hyperparameters]):
    """Predicts the training labels' frequencies for every item, and so their most frequent class; multi-label: each
    label's own frequency.

    Of several classes that are as frequent, all of them where a split takes as many labels of each, the seed draws the
    one that is predicted. The floor of a table is not this row but the share of the largest class among the items
    judged, which records hold as `largest_class`.
    """

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
            most = (counts == counts.max()).nonzero().flatten()
            if most.numel() > 1:  # an argmax would take the first number
                logits[most[torch.randint(most.numel(), (1,))]] += 1e-4
        self.register_buffer("logits", logits)
        self.logits: torch.Tensor

    def predict(self, graph: Graph) -> Output:
        items = graph.num_graphs if self.context.task.level == "graph" else graph.num_nodes
        return Output(self.logits.expand(items, -1))
