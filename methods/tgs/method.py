"""TGS, teacher-free graph self-distillation (Wu et al., TKDE 2024, arXiv 2403.03483), from its equations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, Graph, OptimiserSettings, Output, adam
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.losses.links import LinkHyperparameters, LinkMethod

#: Learning rate of the mixer against which its weights move; the released code ties it to nothing else.
_MIXER_RATE = 1e-4


class TGSHyperparameters(LinkHyperparameters):
    arcs: int = Field(512, ge=1, description="arcs a step; it stands in the place of the student's batch size")
    alpha: float = Field(0.8, gt=0, description="weight of the labels against the links")
    ratio: float = Field(0.7, ge=0, le=1, description="the least share of the neighbour in a mixed input")
    width: int = Field(256, ge=1, description="width in which the mixer compares two nodes")


class TGS(LinkMethod[TGSHyperparameters]):
    """For arcs (i, j) and a node r drawn at random, with the second head z reading a mixture of both ends:

    weight (|y_i - z_ij|^2 + |y_j - z_ji|^2 - |p(y_i) - p(z_r)|^2 - |p(y_j) - p(z_r)|^2)
    + alpha (CE(y_i, l_i) + CE(z_ij, l_i) + CE(y_j, l_j) + CE(z_ji, l_j)), squares as means over arcs and classes.

    z_ij is z of b x_j + (1 - b) x_i, b = ratio + (1 - ratio) sigmoid(a . [BN(W x_j), BN(W x_i)]). The mixer W, a has a
    learning rate of its own and no part in a prediction. An epoch passes over all arcs.
    """

    Hyperparameters = TGSHyperparameters
    quick: ClassVar[Mapping[str, Any]] = {"arcs": 4096, "width": 16}
    strangers = 1

    def setup(self) -> None:
        super().setup()
        if self.learns:
            self.mixer = Mixer(self.context.num_features, self.hyper.width).to(self.context.device)

    def optimizers(self, settings: OptimiserSettings) -> Sequence[torch.optim.Optimizer]:
        """One Adam; the mixer's parameters under a rate of their own."""
        if not self.learns:
            return super().optimizers(settings)
        mixing = set(self.mixer.parameters())
        optimiser = adam((each for each in self.parameters() if each not in mixing), settings)
        optimiser.add_param_group({"params": list(self.mixer.parameters()), "lr": _MIXER_RATE})
        return [optimiser]

    def link_terms(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        hyper, labels = self.hyper, self.labels
        i, j, r = self.places
        y, z_r = student.logits, self.of_neighbours(student)[r]
        z_ij, z_ji = self.mixed(batch.graph, i, j)
        p, q = y.softmax(dim=1), z_r.softmax(dim=1)
        near = F.mse_loss(y[i], z_ij) + F.mse_loss(y[j], z_ji)
        strange = F.mse_loss(p[i], q) + F.mse_loss(p[j], q)
        own = self.label_loss(y[i], labels[i]) + self.label_loss(y[j], labels[j])
        others = self.label_loss(z_ij, labels[i]) + self.label_loss(z_ji, labels[j])
        return {
            "links": hyper.weight * near,
            "strangers": -hyper.weight * strange,
            "labels": hyper.alpha * own,
            "neighbours": hyper.weight * hyper.alpha * others,
        }

    def mixed(self, graph: Graph, i: Tensor, j: Tensor) -> tuple[Tensor, Tensor]:
        """z_ij and z_ji, [arcs, classes] each."""
        states = self.mixer.states(graph.features)
        features = graph.dense_features()
        read = []
        for own, other in ((i, j), (j, i)):
            share = self.hyper.ratio + (1 - self.hyper.ratio) * self.mixer(states[other], states[own])
            mixture = torch.lerp(features[own], features[other], share[:, None])
            rows = graph.rows(own).with_features(mixture)
            read.append(self.of_neighbours(self(rows)))
        return read[0], read[1]


class Mixer(nn.Module):
    """sigmoid(a . [BN(W x_j), BN(W x_i)]): how much of neighbour j goes into the input of i."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, width)
        self.norm = nn.BatchNorm1d(width)
        self.attention = nn.Linear(2 * width, 1, bias=False)

    def states(self, features: Tensor | SparseMatrix) -> Tensor:
        """[nodes, width]: W x + c."""
        if isinstance(features, Tensor):
            found: Tensor = self.linear(features)
            return found
        return features @ self.linear.weight.T + self.linear.bias

    def forward(self, other: Tensor, own: Tensor) -> Tensor:
        """[arcs], of the states of both ends, [arcs, width] each."""
        pair = torch.cat([self.norm(other), self.norm(own)], dim=1)
        return self.attention(pair).flatten().sigmoid()
