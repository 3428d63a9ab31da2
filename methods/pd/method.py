"""P&D, propagate and distil, with its `fix` and its inverse InvKD (Shin and Shin, LoG 2023, sections 3 and 4)."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, Output
from graph_distillery.methods.contract.propagation import SymmetricAdjacency
from graph_distillery.methods.glnn.method import GLNNForm, GLNNHyperparameters


class PDHyperparameters(GLNNHyperparameters):
    form: Literal["propagate", "invert"] = Field(
        "propagate",
        description="propagate: the teacher's probabilities before distillation; invert (InvKD): the student's logits "
        "by the inverse, in training alone",
    )
    rounds: int = Field(10, ge=0, description="T, rounds of propagation; under `propagate` alone")
    gamma: float = Field(0.9, ge=0, lt=1, description="weight of the neighbours in a round")
    fix: bool = Field(False, description="keep the teacher's probabilities of labelled nodes at every round")


class PD(GLNNForm[PDHyperparameters]):
    """`glnn` from probabilities that were propagated: P <- gamma A P + (1 - gamma) P_0, T times, then rows sum to 1.

    A = D^-1/2 A D^-1/2 of the observed graph, without self-loops. `fix` puts the teacher's own probabilities, not
    labels, back at the labelled nodes. InvKD leaves the teacher and multiplies the student's logits by the inverse of
    the limit of such rounds, (I - gamma A) / (1 - gamma), so each step reads the whole graph. No edge is read at
    inference. Without rounds, or at gamma 0, it is `glnn`.
    """

    Hyperparameters = PDHyperparameters

    def setup(self) -> None:
        super().setup()
        data, hyper = self.context.data, self.hyper
        assert data is not None
        self.adjacency = SymmetricAdjacency(data.graph.propagation("sum"), data.graph.in_degrees())
        self.target: Tensor | None = None
        if hyper.form == "propagate" and hyper.rounds and hyper.gamma:
            self.target = self._propagated(self.teachers[0].logits.softmax(dim=1), data.labelled)

    def _propagated(self, start: Tensor, labelled: Tensor) -> Tensor:
        """[nodes, classes], rows of sum 1, from the teacher's probabilities."""
        gamma, state = self.hyper.gamma, start
        for _ in range(self.hyper.rounds):
            state = torch.add((1 - gamma) * start, self.adjacency(state), alpha=gamma)
            if self.hyper.fix:
                state[labelled] = start[labelled]
        return state / state.sum(dim=1, keepdim=True)

    def teacher_term(self, batch: Batch, student: Output) -> Tensor:
        if self.hyper.form == "invert" and self.hyper.gamma:
            return self.task.divergence(self._inverted(batch), batch.teacher.logits, self.hyper.temperature)
        if self.target is None:
            return super().teacher_term(batch, student)
        target = self.target[batch.items]
        if self.context.variant == "official_code":
            own = F.log_softmax(student.logits / self.hyper.temperature, dim=1)
            return (target.exp() * (target - own)).sum(dim=1).mean()
        return self.task.divergence(student.logits, target.clamp(min=1e-12).log(), self.hyper.temperature)

    def _inverted(self, batch: Batch) -> Tensor:
        """The student's logits times the inverse, of the items of a batch."""
        assert self.context.data is not None
        logits = self(self.context.data.graph).logits
        gamma, own = self.hyper.gamma, 2.0 if self.context.variant == "official_code" else 1.0
        return ((own * logits - gamma * self.adjacency(logits)) / (1 - gamma))[batch.items]
