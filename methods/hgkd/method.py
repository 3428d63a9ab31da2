"""HGKD (AAAI 2026): logits, last hidden states, and cosines between items that share a neighbour."""

from __future__ import annotations

from typing import TypeVar

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, Output, Teacher
from graph_distillery.methods.hgkd.pairs import draw_pairs
from graph_distillery.methods.kd.method import KDBase, KDHyperparameters
from graph_distillery.methods.losses.hints import hidden_width, pick_layer


class HGKDHyperparameters(KDHyperparameters):
    alpha: float = Field(0.5, ge=0, le=1, description="weight of the teacher's logits; 1 - alpha on the labels")
    tau: float = Field(1.0, gt=0, description="temperature of both distributions; the paper has none")
    feature_weight: float = Field(1.0, ge=0, description="gamma, weight of the cosines between both networks' states")
    relation_weight: float = Field(1.0, ge=0, description="mu, weight of cosines between items that share neighbours")
    pairs: int = Field(1024, ge=1, description="pairs of items drawn for each type of neighbours in a step")


HGKDH = TypeVar("HGKDH", bound=HGKDHyperparameters)


class HGKDForm(KDBase[HGKDH]):
    """What HGKD and its forms share: the terms that a teacher adds to logits and labels."""

    def setup(self) -> None:
        super().setup()
        hyper = self.hyper
        self.heads = nn.ModuleList()
        if hyper.feature_weight or hyper.relation_weight:
            self.epoch_items = "observed"
        self.needs_edges = hyper.relation_weight > 0
        if not hyper.feature_weight:
            return
        own = hidden_width(self, -1)
        for teacher in self.teachers:
            width = pick_layer(teacher.hidden, -1, "teacher").shape[1]
            same = width == own
            self.heads.append(nn.Identity() if same else nn.Linear(own, width, bias=False, device=self.context.device))

    def states(self, batch: Batch, student: Output, teacher: Teacher) -> tuple[Tensor, Tensor]:
        """The last hidden states of the items of a batch, [items, width of each]."""
        items = batch.graph.num_targets
        return pick_layer(student.hidden, -1, "student")[:items], pick_layer(teacher.hidden, -1, "teacher")[:items]

    def closeness(self, own: Tensor, teacher: Tensor, number: int) -> Tensor:
        """Mean of 1 - cos(W h_s, h_t); W is that of teacher `number`, the identity where widths are the same."""
        return (1 - F.cosine_similarity(self.heads[number](own), teacher, dim=1)).mean()

    def relations(self, batch: Batch, own: Tensor, teacher: Tensor) -> Tensor:
        """The sum over types of neighbours of the mean squared difference of both networks' cosines, on drawn pairs."""
        total = own.sum() * 0
        for one, other in draw_pairs(batch.graph, self.hyper.pairs):
            if one.numel():
                cosines = [F.cosine_similarity(state[one], state[other], dim=1) for state in (own, teacher)]
                total = total + F.mse_loss(cosines[0], cosines[1])
        return total


class HGKD(HGKDForm[HGKDHyperparameters]):
    """(1 - alpha) CE + alpha tau^2 KL(p_t || p_s) + gamma mean (1 - cos(h_s, h_t)) + mu sum over types of
    mean (cos(h_s,i, h_s,j) - cos(h_t,i, h_t,j))^2.

    i and j are items with a neighbour of a type in common (a meta-path there and back), or joined where that type is
    the items' own. Edges are read in training alone.
    """

    Hyperparameters = HGKDHyperparameters

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        hyper, terms = self.hyper, super().loss(batch, student)
        if not (hyper.feature_weight or hyper.relation_weight):
            return terms
        own, teacher = self.states(batch, student, batch.teacher)
        if hyper.feature_weight:
            terms["states"] = hyper.feature_weight * self.closeness(own, teacher, 0)
        if hyper.relation_weight:
            terms["relations"] = hyper.relation_weight * self.relations(batch, own, teacher)
        return terms
