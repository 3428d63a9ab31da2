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
from graph_distillery.methods.contract.taps import states_of
from graph_distillery.methods.losses.links import LinkHyperparameters, LinkMethod
from graph_distillery.methods.losses.perturbation import FIRST, no_rows, onwards

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
        self._nothing: Graph | None = None
        if self.learns:
            self.student_states = (FIRST,) if self.student is not None and FIRST in states_of(self.student) else ()
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
        z_ij, z_ji = self.mixed(batch.graph, student, i, j)
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

    def mixed(self, graph: Graph, student: Output, i: Tensor, j: Tensor) -> tuple[Tensor, Tensor]:
        """z_ij and z_ji, [arcs, classes] each.

        Where a student shows what its first layer makes, which is linear and has its bias once in every mixture, that
        is mixed in the place of the features: no input of [arcs, features] is formed.
        """
        first = student.states.get(FIRST)
        source = graph.dense_features() if first is None else first
        ends = source.index_select(0, i), source.index_select(0, j)
        read = []
        for share, own, other in zip(self.mixer(graph.features, i, j), ends, reversed(ends), strict=True):
            least = self.hyper.ratio + (1 - self.hyper.ratio) * share
            mixture = torch.lerp(own, other, least[:, None])
            read.append(self.of_neighbours(self._read(graph, mixture, first is not None)))
        return read[0], read[1]

    def _read(self, graph: Graph, mixture: Tensor, onwards_from_first: bool) -> Output:
        """The student's output on mixtures, [arcs, width] each."""
        if not onwards_from_first:
            some = torch.zeros(mixture.shape[0], dtype=torch.long, device=mixture.device)
            found: Output = self(graph.rows(some).with_features(mixture))
            return found
        assert self.student is not None
        if self._nothing is None:
            self._nothing = no_rows(graph.num_features, mixture)
        return onwards(self.student, mixture, self._nothing)


class Mixer(nn.Module):
    """sigmoid(a . [BN(W x_j), BN(W x_i)]): how much of neighbour j goes into the input of i."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, width)
        self.norm = nn.BatchNorm1d(width)
        self.attention = nn.Linear(2 * width, 1, bias=False)

    def forward(self, features: Tensor | SparseMatrix, i: Tensor, j: Tensor) -> tuple[Tensor, Tensor]:
        """[arcs] each: how much of j goes into i, and of i into j; features: [nodes, width], i, j: [arcs] int64."""
        states = features @ self.linear.weight.T + self.linear.bias
        both = self.attention.weight.view(2, -1).T
        of_i, of_j = (self.norm(states.index_select(0, ends)) @ both for ends in (i, j))
        return (of_j[:, 0] + of_i[:, 1]).sigmoid(), (of_i[:, 0] + of_j[:, 1]).sigmoid()
