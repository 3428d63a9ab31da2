"""Dynamic graph CNN (Wang et al., ACM TOG 2019): EdgeConv over neighbours that are found anew in each layer."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from graph_distillery.bench.models.base import WIDTHS, GraphHead, Model, ModelHyperparameters, numbers
from graph_distillery.bench.models.dgcnn.neighbours import Neighbours, nearest
from graph_distillery.bench.models.layers import (
    Convolution,
    FeatureLinear,
    Features,
    Readout,
    make_norm,
)
from graph_distillery.methods.contract import Output
from graph_distillery.methods.contract.dropout import dropout
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.items import Level


class DGCNNHyperparameters(ModelHyperparameters):
    dropout: float = Field(
        0.0, ge=0, lt=1, description="dropout of the classifier's hidden layers; at node level of states between layers"
    )
    k: int = Field(20, ge=1, description="nearest neighbours of a node, itself among them")
    widths: str = Field(
        "", pattern=WIDTHS, description="widths of the EdgeConv layers where they differ, as 64-64-128-256"
    )
    embedding: int = Field(0, ge=0, description="width of a linear layer on all states joined, before the readout")
    head: str = Field("", pattern=WIDTHS, description="widths of the hidden layers after the readout, as 512-256")
    negative_slope: float = Field(0.2, ge=0, lt=1, description="of the LeakyReLU")
    readout: Readout = Field("max-mean", description="nodes to graph; graph classification only")

    @model_validator(mode="after")
    def _one_width_a_layer(self) -> Self:
        named = len(numbers(self.widths))
        if named not in (0, self.layers - 1):
            raise ValueError(f"widths names {named} layers, and layers - 1 = {self.layers - 1}")
        return self


class EdgeConvolution(Convolution):
    """max over neighbours j of norm(U x_i + W (x_j - x_i)); equation 8 of the paper, before the activation.

    No arc ever holds a message. The message is a_i + b_j with a = x (U - W) and b = x W, so the maximum runs over b
    alone. Batch normalisation runs over the arcs, as in the authors' code; the mean and variance of a_i + b_j follow
    from sums over nodes and one sparse product. Its scale may be negative, and then the least b counts. The activation
    is monotone and follows after the maximum.
    """

    def __init__(self, in_features: int, out_features: int, k: int, batch_norm: bool) -> None:
        super().__init__()
        self.k = k
        self.centre = FeatureLinear(in_features, out_features, bias=not batch_norm)
        self.difference = FeatureLinear(in_features, out_features, bias=False)
        self.norm = nn.BatchNorm1d(out_features) if batch_norm else None

    def forward(self, graph: Graph | Neighbours, x: Features) -> Tensor:
        """[nodes, in] -> [nodes, out] over the given neighbours, or over the nearest in each graph."""
        neighbours = graph if isinstance(graph, Neighbours) else nearest(_dense(graph, x), graph, self.k)
        b = self.difference(x)
        a = self.centre(x) - b
        if neighbours.indices.numel() == 0:
            return a + b
        if self.norm is None:
            return a + _largest(b, neighbours)
        scale, shift = self._affine(a, b, neighbours)
        sign = 1 - 2 * (scale.detach() < 0).to(b.dtype)
        return scale * (a + sign * _largest(sign * b, neighbours)) + shift

    def _affine(self, a: Tensor, b: Tensor, neighbours: Neighbours) -> tuple[Tensor, Tensor]:
        """Scale and shift of the batch normalisation, [width] each; in training its running statistics move on."""
        norm = self.norm
        assert norm is not None
        assert norm.running_mean is not None
        assert norm.running_var is not None
        if self.training:
            mean, variance = _moments(a, b, neighbours)
            arcs = int(neighbours.counts.sum())
            with torch.no_grad():
                norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), norm.momentum or 0.0)
                unbiased = variance * (arcs / max(arcs - 1, 1))
                norm.running_var.lerp_(unbiased.to(norm.running_var.dtype), norm.momentum or 0.0)
                if norm.num_batches_tracked is not None:
                    norm.num_batches_tracked.add_(1)
        else:
            mean, variance = norm.running_mean, norm.running_var
        scale = norm.weight * (variance + norm.eps).rsqrt()
        return scale, norm.bias - scale * mean

    def macs(self, nodes: int, edges: int) -> int:
        return self.centre.macs(nodes) + self.difference.macs(nodes)


def _largest(b: Tensor, neighbours: Neighbours) -> Tensor:
    """[nodes, width]: the greatest of the neighbours' rows of b, by column."""
    found: Tensor = F.embedding_bag(neighbours.indices, b, mode="max")
    return found


def _moments(a: Tensor, b: Tensor, neighbours: Neighbours) -> tuple[Tensor, Tensor]:
    """Mean and biased variance over the arcs of a_i + b_j, [width] each."""
    places = neighbours.places
    degree = neighbours.counts.to(a.dtype)[:, None]
    chosen = torch.bincount(places.columns, minlength=a.shape[0]).to(a.dtype)[:, None]
    arcs = degree.sum()
    mean_a, mean_b = (degree * a).sum(dim=0) / arcs, (chosen * b).sum(dim=0) / arcs
    a, b = a - mean_a, b - mean_b  # the variance from deviations, without cancellation
    mixed = (a * (places.with_values(places.values.to(b.dtype)) @ b)).sum(dim=0)
    variance = ((degree * a.square() + chosen * b.square()).sum(dim=0) + 2 * mixed) / arcs
    return mean_a + mean_b, variance.clamp(min=0)


def _dense(graph: Graph, x: Features) -> Tensor:
    return x if isinstance(x, Tensor) else graph.dense_features()


class PointHead(nn.Module):
    """The authors' classifier: norm, LeakyReLU and dropout after each hidden layer, then a linear layer."""

    def __init__(self, in_features: int, out_features: int, hyper: DGCNNHyperparameters) -> None:
        super().__init__()
        widths = [in_features, *numbers(hyper.head)]
        bias = hyper.norm != "batch"
        self.hidden = nn.ModuleList(FeatureLinear(a, b, bias) for a, b in itertools.pairwise(widths))
        self.norms = nn.ModuleList(make_norm(hyper.norm, width) for width in widths[1:])
        self.output = FeatureLinear(widths[-1], out_features)
        self.dropout, self.negative_slope = hyper.dropout, hyper.negative_slope

    def forward(self, pooled: Tensor) -> Tensor:
        """[graphs, width] -> [graphs, classes]"""
        for linear, norm in zip(self.hidden, self.norms, strict=True):
            pooled = F.leaky_relu(norm(linear(pooled)), self.negative_slope)
            pooled = dropout(pooled, self.dropout, self.training)
        out: Tensor = self.output(pooled)
        return out

    def macs(self, rows: int) -> int:
        layers = [*self.hidden, self.output]
        return sum(layer.macs(rows) for layer in layers if isinstance(layer, FeatureLinear))


class DGCNN(Model):
    """EdgeConv layers with LeakyReLU between; the edges of the graph are not read.

    At graph level all hidden states are joined, mapped to `embedding` (linear, norm, LeakyReLU) where one is asked
    for, read out, and classified by a perceptron whose hidden layers have the widths of `head`; dropout acts in that
    perceptron alone. At node level it acts on the states between layers, but not on the search for neighbours.
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = DGCNNHyperparameters
    reads_whole_graph: ClassVar[bool] = True
    embeds_pairs: ClassVar[bool] = False

    def __init__(self, in_features: int, out_features: int, hyper: Any, level: Level = "node") -> None:
        super().__init__(in_features, out_features, hyper, level)
        if hyper.norm == "batch":  # it stands inside the layers, over arcs
            self.norms = nn.ModuleList(nn.Identity() for _ in self.norms)
        joined = sum(self.hidden_widths(hyper)) or in_features
        self.embedding: nn.Sequential | None = None
        if level != "node" and hyper.embedding:
            linear = FeatureLinear(joined, hyper.embedding, bias=hyper.norm != "batch")
            self.embedding = nn.Sequential(linear, make_norm(hyper.norm, hyper.embedding))

    def hidden_widths(self, hyper: Any) -> list[int]:
        return numbers(hyper.widths) or super().hidden_widths(hyper)

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        batch_norm = self.hyper.norm == "batch" and not output
        return EdgeConvolution(in_features, out_features, self.hyper.k, batch_norm)

    def make_head(self, widths: list[int], out_features: int) -> GraphHead:
        read = self.hyper.embedding or sum(widths[1:]) or widths[0]
        return PointHead(self.pooled_width(read), out_features, self.hyper)

    def activate(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x, self.hyper.negative_slope)

    def forward(self, graph: Graph) -> Output:
        """As `Model.forward`, and the arcs that every hidden layer read."""
        state = graph.dense_features()
        hidden: list[Tensor] = []
        edges: list[Tensor] = []
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, EdgeConvolution)
            neighbours = nearest(state, graph, layer.k)
            given = state
            if index > 0 and self.level == "node":
                given = dropout(state, self.hyper.dropout, self.training)
            made = layer(neighbours, given)
            if index == len(self.norms):
                return Output(made, tuple(hidden), None, tuple(edges))
            made = self.activate(self.norms[index](made))
            state = made + given if self.hyper.residual and made.shape == given.shape else made
            hidden.append(state)
            edges.append(neighbours.arcs)
        pooled = self.pool(self._joined(state, hidden), graph)
        assert self.head is not None
        return Output(self.head(pooled), tuple(hidden), pooled, tuple(edges))

    def _joined(self, state: Tensor, hidden: list[Tensor]) -> Tensor:
        joined = torch.cat(hidden, dim=1) if hidden else state
        return joined if self.embedding is None else self.activate(self.embedding(joined))

    def macs(self, nodes: int, edges: int, graphs: int = 1) -> int:
        """The searches for neighbours count nodes x nodes of a graph x width each, graphs being of one size."""
        widths = [self.in_features, *self.hidden_widths(self.hyper)]
        searched = widths[: len(self.layers)]
        total = super().macs(nodes, edges, graphs) + sum(nodes * (nodes // max(graphs, 1)) * w for w in searched)
        if self.embedding is not None:
            total += nodes * (sum(widths[1:]) or widths[0]) * self.hyper.embedding
        return total
