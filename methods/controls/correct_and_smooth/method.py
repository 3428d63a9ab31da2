"""Correct and smooth (Huang et al., ICLR 2021, section 2): labels spread over what a student without a teacher says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import one_hot

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.propagation import SymmetricAdjacency

#: A scale above this is that of a node which next to no error reaches, and is not used.
_GREATEST_SCALE = 1000.0


class CorrectAndSmoothHyperparameters(Hyperparameters):
    correct_alpha: float = Field(0.8, gt=0, le=1, description="weight of the neighbours as errors spread")
    smooth_alpha: float = Field(0.8, gt=0, le=1, description="weight of the neighbours as predictions spread")
    rounds: int = Field(50, ge=1, description="rounds of either propagation")
    scaling: Literal["autoscale", "fixed"] = Field(
        "autoscale",
        description="autoscale: each node's correction has the mean size of the training errors; fixed: errors of "
        "training nodes stay as they are while they spread, and the correction is multiplied by `scale`",
    )
    scale: float = Field(1.0, ge=0, description="of the correction under `fixed`")


class CorrectAndSmooth(Method[CorrectAndSmoothHyperparameters]):
    """Cross-entropy on the labelled nodes; a prediction then passes two propagations with S = D^-1/2 A D^-1/2.

    Correct: the errors Y - Z of the training nodes spread by E <- alpha S E + (1 - alpha) E_0, and what arrives is
    added to Z. Smooth: the result, with Y at the training nodes, spreads in the same way. The labels of training nodes
    are read at inference; those of validation nodes, which the paper adds for some tables, are not. The epoch is chosen
    by the corrected predictions, as they are what is judged.
    """

    Hyperparameters = CorrectAndSmoothHyperparameters
    epoch_items = "labelled"

    def setup(self) -> None:
        data = self.context.data
        assert data is not None
        self.seeds = data.labelled
        self.seed_labels = one_hot(data.labels, data.task.num_classes).float()

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        return {"labels": self.task.label_loss(student.logits[batch.labelled], batch.labels)}

    def predict(self, graph: Graph) -> Output:
        output = super().predict(graph)
        adjacency = SymmetricAdjacency(graph.propagation("sum"), graph.in_degrees())
        shares = self.smooth(self.correct(output.logits.softmax(dim=1), adjacency), adjacency)
        return Output(shares.clamp(min=1e-12).log(), output.hidden)

    def correct(self, shares: Tensor, adjacency: Callable[[Tensor], Tensor]) -> Tensor:
        """Z + the errors that reach each node, [nodes, classes]."""
        hyper, seeds = self.hyper, self.seeds
        error = torch.zeros_like(shares)
        error[seeds] = self.seed_labels - shares[seeds]
        fixed = hyper.scaling == "fixed"
        spread = self._spread(error, adjacency, hyper.correct_alpha, (-1.0, 1.0), seeds if fixed else None)
        if fixed:
            return shares + hyper.scale * spread
        size = error[seeds].abs().sum() / seeds.numel()
        scale = size / spread.abs().sum(dim=1, keepdim=True)
        scale = torch.where(scale.isfinite() & (scale <= _GREATEST_SCALE), scale, 1.0)
        return shares + scale * spread

    def smooth(self, shares: Tensor, adjacency: Callable[[Tensor], Tensor]) -> Tensor:
        """The shares, with labels at the training nodes, spread over the graph; [nodes, classes]."""
        start = shares.clone()
        start[self.seeds] = self.seed_labels
        return self._spread(start, adjacency, self.hyper.smooth_alpha, (0.0, 1.0), None)

    def _spread(
        self,
        start: Tensor,
        adjacency: Callable[[Tensor], Tensor],
        alpha: float,
        within: tuple[float, float],
        kept: Tensor | None,
    ) -> Tensor:
        """`rounds` of x <- alpha S x + (1 - alpha) start, kept within bounds; rows of `kept` stay at their start."""
        state = start
        for _ in range(self.hyper.rounds):
            state = torch.add((1 - alpha) * start, adjacency(state), alpha=alpha).clamp_(*within)
            if kept is not None:
                state[kept] = start[kept]
        return state
