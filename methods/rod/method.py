"""ROD, reception-aware online distillation (Zhang et al., KDD 2021, arXiv 2107.11789), for classifying nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, BatchSource, Hyperparameters, Method, Output, Update
from graph_distillery.methods.contract.dropout import dropout
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.losses.hints import hidden_width, pick_layer
from graph_distillery.methods.rod.gate import gated
from graph_distillery.methods.rod.pairs import HopPairs, structure_loss


class RODHyperparameters(Hyperparameters):
    hops: int = Field(9, ge=0, le=50, description="the widest receptive field; there is a head for each from 0 on")
    kd_weight: float = Field(0.01, ge=0, description="weight of the divergence from the mean of all heads")
    structure_weight: float = Field(0.001, ge=0, description="weight of the pairs most and least alike; 0: ablated")
    feature_dropout: float = Field(0.8, ge=0, lt=1, description="dropout of every hop's features")
    normalise: bool = Field(True, description="whether rows of features have 1-norm 1")


class ROD(Method[RODHyperparameters]):
    """Heads k = 0 .. hops on one MLP; sums over k: CE_k + kd_weight KL(mean p || p_k) + structure_weight pairs_k.

    With X_k the features after k hops, each under dropout of its own, the MLP reads sum over k of w_k X_k, w = softmax
    over k of sigmoid(v . X_k + c). Head 0 is the student's own output layer; the others read its last hidden state,
    under a dropout drawn once for all of them. The mean is a constant, the divergence is on the labelled nodes, and
    what predicts is the mean of the logits. `pairs` has the last term.
    """

    Hyperparameters = RODHyperparameters
    predicts_by_item = True
    quick: ClassVar[Mapping[str, Any]] = {"hops": 1, "structure_weight": 0.0}

    def setup(self) -> None:
        hyper, data = self.hyper, self.context.data
        assert data is not None
        self.pairs: HopPairs | None = None
        self.heads, self.gate = nn.ModuleList(), None
        self.alone = hyper.hops == 0 and hyper.structure_weight == 0
        if self.alone:
            self.epoch_items = "labelled"
        if hyper.hops > 0:
            self.gate = nn.Linear(self.context.num_features, 1).to(self.context.device)  # read below
            width = hidden_width(self, -1)
            self.heads.extend(nn.Linear(width, self.task.num_classes) for _ in range(hyper.hops))

    def inputs(self, graph: Graph) -> Graph:
        if self.gate is None and not self.hyper.normalise and self.hyper.feature_dropout == 0:
            return graph
        hops, p = graph.node_columns["hop_features"], self.hyper.feature_dropout
        if self.gate is None:
            return graph.with_features(dropout(hops, p, self.training)[:, 0])
        return graph.with_features(gated(hops, self.gate.weight[0], self.gate.bias[0], p, self.training))

    def every_logits(self, graph: Graph) -> tuple[Tensor, Output]:
        """[heads, nodes, classes], and the student's own output."""
        assert self.student is not None
        output: Output = self.student(self.inputs(graph))
        found = [output.logits]
        if len(self.heads):
            rate = float(getattr(getattr(self.student, "hyper", None), "dropout", 0.0))
            hidden = dropout(pick_layer(output.hidden, -1, "student"), rate, self.training)
            found += [head(hidden) for head in self.heads]
        return torch.stack(found), output

    def forward(self, graph: Graph) -> Output:
        logits, output = self.every_logits(graph)
        return Output(logits.mean(0), output.hidden)

    def inference_modules(self) -> Sequence[nn.Module]:
        return [*super().inference_modules(), *self.heads, *([] if self.gate is None else [self.gate])]

    def batches(self, source: BatchSource) -> Iterator[Batch]:
        data = self.context.data
        assert data is not None
        if self.alone:
            return super().batches(source)
        everything = torch.arange(data.num_items, device=data.labels.device)
        return iter([Batch(data.graph, everything, data.labelled, data.labels)])

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        logits, _ = self.every_logits(batch.graph)
        labelled = logits[:, batch.labelled]
        terms = {"labels": torch.stack([self.task.label_loss(own, batch.labels) for own in labelled]).sum()}
        if self.hyper.kd_weight > 0 and len(self.heads):
            terms["mean of heads"] = self.hyper.kd_weight * mean_of_heads(labelled)
        if self.hyper.structure_weight > 0:
            if self.pairs is None:
                self.pairs = HopPairs.of(batch.graph)
            terms["pairs"] = self.hyper.structure_weight * structure_loss(logits, *self.pairs.drawn())
        return update(terms)


def mean_of_heads(logits: Tensor) -> Tensor:
    """The KL of each head's distribution from the mean of all, a constant, added up over heads and averaged over nodes.

    logits: [heads, nodes, classes].
    """
    log_own = logits.log_softmax(-1)
    mean = log_own.detach().exp().mean(0)
    return (torch.xlogy(mean, mean) - mean * log_own).sum((0, 2)).sum() / max(logits.shape[1], 1)
