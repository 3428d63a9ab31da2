"""HGMD (Wu et al., CIKM 2024, equations 5 to 11): the harder a node, the more of its neighbours teach it."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output
from graph_distillery.methods.losses.logits import entropies
from graph_distillery.methods.losses.neighbours import NeighbourTargets, count_arcs, loops_of

#: What an entropy of 0 is taken for, as a share of the greatest.
_LEAST_ENTROPY = 1e-8


class HGMDHyperparameters(Hyperparameters):
    label_weight: float = Field(0.1, ge=0, le=1, description="lambda, weight of the labels; 1 - lambda on the teacher")
    temperature: float = Field(0.9, gt=0, description="temperature of both distributions; without its square")
    alpha: float = Field(5.0, ge=0, description="how fast the chance of an arc grows, in the first epoch")
    form: Literal["mixup", "weight", "plain"] = Field(
        "mixup", description="what a neighbour's output is: mixed with the node's own, weighted, or taken as it is"
    )
    beta: float = Field(0.3, gt=0, description="of the Beta(beta, beta) that a mixing weight is drawn from")


class HGMD(Method[HGMDHyperparameters]):
    """lambda CE + (1 - lambda) mean over the arcs of hard nodes, and all loops, of KL(target || p_s,i).

    An arc j -> i is drawn, anew in each epoch, with the chance pi_ij = 1 - exp(-a cos(p_t,i, p_t,j) sqrt(H_t,i H_s,i) /
    H_t,j) of the entropies H of teacher and student, each over its greatest; a falls from alpha to a hundredth of it
    over the epochs. The first epoch takes all arcs, with weight 1. mixup: the target is (1 - w) p_t,i + w p_t,j, with
    w = pi_ij b and b from Beta(beta, beta). weight: the target is p_t,j, the term multiplied by d_i o_ij / sum_j o_ij
    over the d_i arcs that are kept, o_ij = cos(p_t,i, p_t,j) pi_ij, and 1 of the loop. At alpha 0 it is `glnn`.
    """

    Hyperparameters = HGMDHyperparameters

    def setup(self) -> None:
        if self.hyper.label_weight == 1:
            self.epoch_items = "labelled"
            return
        data, logits = self.context.data, self.teachers[0].logits
        assert data is not None
        self.teacher_log = F.log_softmax(logits / self.hyper.temperature, dim=1)
        self.places = data.graph.propagation("sum_self")
        self.loops = loops_of(self.places)
        unit = F.normalize(logits.softmax(dim=1))
        rows, columns = self.places.row_of_entry, self.places.columns
        self.cosine = (unit[rows] * unit[columns]).sum(dim=1)
        hardness = relative_entropy(logits)
        #: What of the exponent of an arc's chance is the teacher's.
        self.urgency = self.cosine * hardness.sqrt()[rows] / hardness[columns]
        self.targets: NeighbourTargets | None = None

    def on_epoch_start(self, epoch: int) -> None:
        if self.hyper.label_weight == 1 or self.hyper.alpha == 0:
            return
        chance = torch.ones_like(self.cosine) if epoch == 0 else self.chances(epoch)
        kept = (torch.rand_like(chance) < chance) | self.loops
        self.targets = self._targets(chance, kept, first=epoch == 0)

    @torch.no_grad()
    def chances(self, epoch: int) -> Tensor:
        """pi of every arc, [entries]."""
        data, last = self.context.data, max(self.context.settings.epochs - 1, 1)
        assert data is not None
        self.eval()
        student = relative_entropy(self(data.graph).logits)
        self.train()
        alpha = self.hyper.alpha / 100 ** (epoch / last)
        own = student.sqrt().index_select(0, self.places.row_of_entry)
        return 1 - torch.exp(-alpha * self.urgency * own)

    def _targets(self, chance: Tensor, kept: Tensor, first: bool) -> NeighbourTargets:
        """What is added up over the kept arcs."""
        counted = kept.to(chance.dtype)
        if self.hyper.form == "plain":
            return NeighbourTargets.of(self.places, self.teacher_log, None, kept)
        if self.hyper.form == "weight":
            weight = counted * torch.where(self.loops, 1.0, self.cosine * chance)
            rows, count = self.places.row_of_entry, self.places.shape[0]
            total = torch.zeros(count, dtype=weight.dtype, device=weight.device).index_add_(0, rows, weight)
            scale = count_arcs(self.places, kept) / total
            return NeighbourTargets.of(self.places, self.teacher_log, weight * scale[rows], kept)
        chosen = torch.nonzero(kept).flatten()
        mixing = torch.where(self.loops, 0.0, chance).index_select(0, chosen)
        if not first:
            mixing = mixing * symmetric_beta(self.hyper.beta, mixing)
        return self._mixed(mixing, chosen, kept)

    def _mixed(self, mixing: Tensor, chosen: Tensor, kept: Tensor) -> NeighbourTargets:
        """Of targets that lie between a node's own output and its neighbour's.

        mixing: [chosen], their weight; chosen: [chosen] int64, the entries that are kept.
        """
        rows, columns = (each.index_select(0, chosen) for each in (self.places.row_of_entry, self.places.columns))
        shares, arcs = self.teacher_log.exp(), count_arcs(self.places, kept)
        weights = torch.zeros_like(self.cosine).index_copy_(0, chosen, mixing)
        others = self.places.matmul(torch.cat([shares, torch.ones_like(shares[:, :1])], dim=1), weights)
        found = others[:, :-1] + (arcs - others[:, -1])[:, None] * shares
        classes = shares.T.contiguous()  # first, as sums over few columns are slow
        mixed = torch.lerp(classes.index_select(1, rows), classes.index_select(1, columns), mixing)
        log = mixed.clamp(min=torch.finfo(mixed.dtype).tiny).log()
        negentropy = torch.zeros_like(arcs).index_add_(0, rows, (mixed * log).sum(dim=0))
        return NeighbourTargets(found, negentropy, arcs)

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        weight, tau = self.hyper.label_weight, self.hyper.temperature
        terms = {"labels": weight * self.task.label_loss(student.logits[batch.labelled], batch.labels)}
        if weight == 1:
            return terms
        if self.targets is None:
            divergence = self.task.divergence(student.logits, batch.teacher.logits, tau)
        else:
            divergence = self.targets.divergence(F.log_softmax(student.logits / tau, dim=1), batch.items)
        terms["neighbours"] = (1 - weight) * divergence
        return terms


def symmetric_beta(concentration: float, like: Tensor) -> Tensor:
    """As many draws of Beta(b, b) as `like` holds, from two uniform numbers each.

    1/2 + sign(c) / 2 / sqrt(1 + 1 / w), w = (u^(-1/b) - 1) c^2, c = cos(2 pi v) (Devroye, Random variate generation in
    one line of code, WSC 1996; after Bailey's polar method for Student's t, 1994).
    """
    u, v = torch.rand_like(like), torch.rand_like(like)
    cosine = torch.cos(2 * math.pi * v)
    spread = ((1 - u).pow(-1 / concentration) - 1) * cosine.square()
    return (0.5 + 0.5 * cosine.sign() * (spread / (1 + spread)).nan_to_num(nan=1.0).sqrt()).clamp(0, 1)


def relative_entropy(logits: Tensor) -> Tensor:
    """[nodes], the entropy of each output over the greatest of all; never 0."""
    entropy = entropies(logits)
    return (entropy / entropy.max().clamp(min=1e-12)).clamp(min=_LEAST_ENTROPY)
