"""MSKD, multi-scale distillation from several graph networks (Zhang et al., AAAI 2022)."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.losses.hints import pick_layer
from graph_distillery.methods.losses.local_structure import log_distribution, similarity, structure_divergence


class MSKDHyperparameters(Hyperparameters):
    weight: float = Field(7.0, ge=0, description="lambda, shared out among the teachers")
    share: float = Field(0.16, gt=0, le=1, description="share of a teacher's epochs in which its term acts, the first")
    sigma: float = Field(100.0, gt=0, description="scale of the kernel exp(-|z_i - z_j|_1 / sigma)")
    student_layer: int = Field(-1, description="hidden state of the student; -1 is the last below the output")
    teacher_layer: int = Field(-1, description="hidden state of every teacher; -1 is its last below the output")


class MSKD(Method[MSKDHyperparameters]):
    """CE + weight a_k KL(teacher k || student) of local structures, averaged over nodes, one teacher after the other.

    The epochs are shared out evenly: teacher k has the k-th part of them, and its term acts in the first `share` of
    that part. A node's structure is the softmax over its neighbours and itself of exp(-|z_i - z_j|_1 / sigma). The
    weights a are the softmax of m_k / sum m, m_k the mean entry of Z_s^T Z_k, of the logits of the untrained student
    and of teacher k on the training graph. Of teachers of 1, 2 and 3 hidden layers the last ones are three scales. As
    in the released code the state of any epoch may be kept; where patience ends training, later teachers go unheard.
    """

    Hyperparameters = MSKDHyperparameters

    def setup(self) -> None:
        self.speaker: int | None = None
        if self.hyper.weight == 0:
            self.epoch_items = "labelled"
            return
        data = self.context.data
        assert data is not None
        self.needs_edges = True
        for teacher in self.teachers:
            pick_layer(teacher.hidden, self.hyper.teacher_layer, "teacher")
        self.eval()
        with torch.no_grad():
            output = self(data.graph)
        self.train()
        pick_layer(output.hidden, self.hyper.student_layer, "student")
        self.shares = teacher_shares(output.logits, [teacher.logits for teacher in self.teachers])
        self.kept: dict[int, Tensor] = {}

    def part_of(self, epoch: int) -> tuple[int, int]:
        """Whose part of the epochs it is, and the how many-th epoch of that part."""
        length = max(self.context.settings.epochs // len(self.teachers), 1)
        teacher = min(epoch // length, len(self.teachers) - 1)
        return teacher, epoch - teacher * length

    def on_epoch_start(self, epoch: int) -> None:
        if self.hyper.weight:
            teacher, since = self.part_of(epoch)
            length = max(self.context.settings.epochs // len(self.teachers), 1)
            self.speaker = teacher if since < max(round(self.hyper.share * length), 1) else None

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        terms = {"labels": self.task.label_loss(student.logits[batch.labelled], batch.labels)}
        if self.speaker is not None:
            places = batch.graph.propagation("sum_self")
            own = pick_layer(student.hidden, self.hyper.student_layer, "student")
            divergence = structure_divergence(
                self._distribution(own, places), self._of_teacher(batch, places), places, "teacher-student"
            )
            terms["structure"] = self.hyper.weight * self.shares[self.speaker] * divergence
        return terms

    def _of_teacher(self, batch: Batch, places: SparseMatrix) -> Tensor:
        """[entries]: the speaking teacher's log-probabilities; of the whole training graph worked out once."""
        assert self.speaker is not None
        assert self.context.data is not None
        if batch.graph is self.context.data.graph and self.speaker in self.kept:
            return self.kept[self.speaker]
        with torch.no_grad():
            states = pick_layer(batch.teachers[self.speaker].hidden, self.hyper.teacher_layer, "teacher")
            found = self._distribution(states, places)
        if batch.graph is self.context.data.graph:
            self.kept[self.speaker] = found
        return found

    def _distribution(self, states: Tensor, places: SparseMatrix) -> Tensor:
        return log_distribution(similarity("l1", states, places, sigma=self.hyper.sigma), places)


def teacher_shares(student: Tensor, teachers: list[Tensor]) -> list[float]:
    """What each teacher's term is multiplied by, of logits, [items, classes] each; they add up to 1."""
    means = torch.stack([(student.T @ each).mean() for each in teachers])
    total = means.sum()
    shares = means / total if bool(total != 0) else torch.zeros_like(means)
    found: list[float] = shares.softmax(dim=0).tolist()
    return found
