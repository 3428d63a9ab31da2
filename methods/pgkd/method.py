"""PGKD (Wu et al., COLING 2025, arXiv 2303.13763), reconstructed: structure by class prototypes, without edges."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, Output
from graph_distillery.methods.glnn.method import GLNNForm, GLNNHyperparameters
from graph_distillery.methods.losses.hints import pick_layer

#: Below this a squared distance is none, and has no gradient.
_NEAREST = 1e-12


class PGKDHyperparameters(GLNNHyperparameters):
    node_weight: float = Field(1.0, ge=0, description="weight of the distances from nodes to prototypes")
    prototype_weight: float = Field(1.0, ge=0, description="weight of the distances among prototypes")


class PGKD(GLNNForm[PGKDHyperparameters]):
    """`glnn` + node_weight MSE(d(h_i, c_k)) + prototype_weight MSE(d(c_k, c_l)), between student and teacher.

    h: last hidden states, [nodes, width], widths need not agree; c_k: their mean in class k, [classes, width], of
    the classes that a batch has. A node's class is its label, and the teacher's prediction where it has none, for both
    networks alike. d: Euclidean distances over their mean. A rotation, a shift or a scale of the states is no
    difference. Without both terms it is `glnn`.
    """

    Hyperparameters = PGKDHyperparameters

    def setup(self) -> None:
        super().setup()
        if self.hyper.node_weight or self.hyper.prototype_weight:
            self.epoch_items = "observed"

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        terms, hyper = super().loss(batch, student), self.hyper
        if not (hyper.node_weight or hyper.prototype_weight):
            return terms
        classes = batch.teacher.logits.argmax(dim=1)
        classes[batch.labelled] = batch.labels
        own = pick_layer(student.hidden, -1, "student")
        target = pick_layer(batch.teacher.hidden, -1, "teacher")
        centres, target_centres = prototypes(own, classes), prototypes(target, classes)
        if hyper.node_weight:
            found = F.mse_loss(relative_distances(own, centres), relative_distances(target, target_centres))
            terms["nodes"] = hyper.node_weight * found
        if hyper.prototype_weight:
            among = relative_distances(centres, centres), relative_distances(target_centres, target_centres)
            terms["prototypes"] = hyper.prototype_weight * F.mse_loss(*among)
        return terms


def prototypes(states: Tensor, classes: Tensor) -> Tensor:
    """[classes that occur, width]: the mean of the states, [nodes, width], of each class, [nodes] int64."""
    found, place = classes.unique(return_inverse=True)
    total = states.new_zeros(found.numel(), states.shape[1]).index_add(0, place, states)
    return total / torch.bincount(place, minlength=found.numel()).unsqueeze(1)


def relative_distances(states: Tensor, centres: Tensor) -> Tensor:
    """[rows, centres], the distances between rows of both, [., width], over their mean; zeros where all are one."""
    squared = (states[:, None, :] - centres[None, :, :]).square().sum(dim=2)
    distances = squared.clamp(min=_NEAREST).sqrt() * (squared > 0)
    return distances / distances.mean().clamp(min=_NEAREST)
