"""GNN-SD, self-distillation of a GNN (Chen et al., IJCAI 2021, arXiv 2011.02255). Reconstructed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output
from graph_distillery.methods.contract.graph import Graph


class GNNSDHyperparameters(Hyperparameters):
    alpha: float = Field(1.0, ge=0, description="weight of retaining the neighbourhood discrepancy rates")
    beta: float = Field(0.1, ge=0, description="weight of matching the readouts of layers; whole graphs only")


def discrepancy_rates(states: Tensor, graph: Graph) -> Tensor:
    """1 - cos(x_v, mean of x over v's in-neighbours), [nodes]; 0 where a node has none. states: [nodes, width]."""
    around = graph.propagation("mean") @ states
    rates = 1 - F.cosine_similarity(states, around, dim=1)
    _, _, pointers = graph.edges_by_target
    return torch.where(pointers.diff() > 0, rates, torch.zeros_like(rates))


def retaining(rates: Sequence[Tensor]) -> Tensor:
    """The mean square by which each layer's rates are off the layer's before, added up.

    From the layer with the greatest norm of rates on, and only where that norm shrinks; the earlier layer is a
    constant, so that what deeper layers have smoothed away is asked back of them.

    rates: [nodes] each, nearest the input first.
    """
    norms = [float(each.detach().norm()) for each in rates]
    start = max(range(len(norms)), key=norms.__getitem__) if norms else 0
    total = rates[0].sum() * 0
    for layer in range(start, len(rates) - 1):
        if norms[layer + 1] < norms[layer]:
            total = total + (rates[layer + 1] - rates[layer].detach()).square().mean()
    return total


class GNNSD(Method[GNNSDHyperparameters]):
    """CE + alpha retained discrepancy (see `retaining`) + beta matched readouts.

    There is no teacher: a layer is taught by the one before it. The layers are the hidden states, and the logits at the
    level of nodes. The readout of a layer is the mean over each graph's nodes; those of equal width are compared.
    """

    Hyperparameters = GNNSDHyperparameters

    def setup(self) -> None:
        self.epoch_items = "labelled"
        self.needs_edges = self.hyper.alpha > 0  # the rates are of the whole graph
        if getattr(self.student, "fan_out", None) is not None:
            raise ValueError("fan_out: discrepancy rates are of all neighbours; take null")

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        terms = {"labels": self.task.label_loss(student.logits[batch.labelled], batch.labels)}
        layers = [*student.hidden]
        if self.hyper.beta > 0 and self.task.level == "graph":
            terms["readouts"] = self.hyper.beta * self.readout_term(layers, batch.graph, student.logits)
        if self.task.level == "node":
            layers.append(student.logits)
        if self.hyper.alpha > 0 and layers:
            rates = [discrepancy_rates(layer, batch.graph) for layer in layers]
            terms["discrepancy"] = self.hyper.alpha * retaining(rates)
        return terms

    def readout_term(self, layers: Sequence[Tensor], graph: Graph, logits: Tensor) -> Tensor:
        """The mean square between consecutive layers' readouts, the earlier a constant, added up."""
        counts = graph.graph_pointers.diff().clamp(min=1)[:, None]
        means = [
            layer.new_zeros(graph.num_graphs, layer.shape[1]).index_add(0, graph.graph_of_node, layer) / counts
            for layer in layers
        ]
        pairs = [(a, b) for a, b in pairwise(means) if a.shape == b.shape]
        return sum(((b - a.detach()).square().mean() for a, b in pairs), start=logits.sum() * 0)
