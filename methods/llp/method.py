"""LLP, linkless link prediction (Guo et al., ICML 2023), by https://github.com/snap-research/linkless-link-prediction.

Its released code draws near nodes of the production split along arcs that are out of order, so that a walk leaves a
node by some other node's arc; here walks follow edges in every split. It clips the gradients of encoder and scorer each
to a norm of 1, where `clip` takes them together, and has every edge twice in a step, once from either end.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from graph_distillery.methods.losses.contexts import ContextHyperparameters, ContextMethod


class LLP(ContextMethod[ContextHyperparameters]):
    """Relational distillation from a GNN: the order and the shares of its scores of the nodes around each anchor.

    `official_code`: the released code never puts the teacher's scorer into evaluation mode, so that it scores with the
    student's dropout, other units in every step; the teacher's node states are those of evaluation mode.
    """

    Hyperparameters = ContextHyperparameters

    def setup(self) -> None:
        super().setup()
        if not self.learns:
            return
        teacher = self.teachers[0]
        if teacher.model is None:
            raise ValueError(f"teacher {teacher.name!r} comes without its network, which is asked about other pairs")
        network = teacher.model
        if self.context.variant == "official_code":
            self.best_epoch = "first"
            network = with_scorer_in_training(network, self.student)
        self.asked = (network,)  # in a tuple: no part of what is trained

    @torch.no_grad()
    def targets(self, pairs: Tensor) -> Tensor:
        scores: Tensor = self.asked[0](self.teachers[0].graph.with_pairs(pairs)).logits[:, 0]
        return torch.sigmoid(scores)


def with_scorer_in_training(network: nn.Module, student: nn.Module | None) -> nn.Module:
    """A copy of a network in evaluation mode whose scorer of pairs alone drops out, as much as the student's does."""
    copy = deepcopy(network).eval()
    scorer, own = getattr(copy, "head", None), getattr(student, "head", None)
    if scorer is None:
        raise ValueError("official_code: the teacher has no scorer of pairs of its own")
    scorer.train()
    if own is not None and hasattr(own, "p"):
        scorer.p = own.p
    return copy
