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
        logits = self.task.constant_logits(data.labels)
        most = (logits == logits.max()).nonzero().flatten()
        if self.task.info.labels == "class" and most.numel() > 1:  # an argmax would take the first number
            logits[most[torch.randint(most.numel(), (1,))]] += 1e-4
        self.register_buffer("logits", logits)
        self.logits: torch.Tensor

    def predict(self, graph: Graph) -> Output:
        return Output(self.logits.expand(self.task.items.count(graph), -1))
