"""Relations among nodes as a hint: how the states of a batch lie to each other, whatever their width."""

from __future__ import annotations

from typing import Literal, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, Output
from graph_distillery.methods.losses.hints import HintHyperparameters, HintMethod, hidden_width, pick_layer

GlobalKernel = Literal["cosine", "poly", "l2", "rbf"]
RelationH = TypeVar("RelationH", bound=HintHyperparameters)

#: Below this a squared distance is none, and has no gradient.
_NEAREST = 1e-12


class RelationMethod(HintMethod[RelationH]):
    """CE + weight times a distance between the relations that student and teacher see.

    The nodes: `rows` of the batch. A subclass says by `embed` what it compares, by `relation` how.
    """

    def weight(self) -> float:
        """What the term is multiplied by."""
        return self.hyper.beta

    def hint_term(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        if self.hyper.beta == 0:
            return {}
        student_states = pick_layer(student.hidden, self.hyper.student_layer, "student")
        teacher_states = pick_layer(batch.teacher.hidden, self.hyper.teacher_layer, "teacher")
        embedded = self.embed(student_states, teacher_states, batch)
        rows = self.rows(batch, student_states.shape[0])
        if rows is not None:
            if rows.numel() == 0:  # a mini-batch without a label
                return {}
            embedded = (embedded[0][rows], embedded[1][rows])
        return {"hint": self.weight() * self.relation(*embedded)}

    def embed(self, student: Tensor, teacher: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """What is compared of the states of all nodes, [nodes, width of each]."""
        return student, teacher

    def rows(self, batch: Batch, count: int) -> Tensor | None:
        """The nodes that are compared, [rows] int64 of `count`; None: all. At most `sample`, drawn anew in each step.

        Of items that are nodes `official_code` takes the labelled alone.
        """
        chosen = None
        if self.context.variant == "official_code" and self.task.items.are_rows:
            chosen, count = batch.labelled, batch.labelled.numel()
        most = self.sample()
        if most is None or count <= most:
            return chosen
        drawn = torch.randperm(count, device=batch.items.device)[:most]
        return drawn if chosen is None else chosen[drawn]

    def sample(self) -> int | None:
        """The most nodes that a step compares; None: no bound."""
        return None

    def relation(self, student: Tensor, teacher: Tensor) -> Tensor:
        """The distance, of [rows, width of each]; a scalar."""
        raise NotImplementedError


class HeadedRelationMethod(RelationMethod[RelationH]):
    """Both sides pass a head of Linear, BatchNorm and ReLU first; both heads are trained."""

    def head_width(self) -> int:
        """What the heads map to."""
        raise NotImplementedError

    def setup(self) -> None:
        super().setup()
        if self.hyper.beta == 0:
            return
        width = hidden_width(self, self.hyper.student_layer)
        target = pick_layer(self.teachers[0].hidden, self.hyper.teacher_layer, "teacher").shape[1]
        self.of_student, self.of_teacher = self.head(width), self.head(target)

    def head(self, width: int) -> nn.Module:
        """A new head for states of a width."""
        out = self.head_width()
        return nn.Sequential(nn.Linear(width, out), nn.BatchNorm1d(out), nn.ReLU()).to(self.context.device)

    def embed(self, student: Tensor, teacher: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        return self.of_student(student), self.of_teacher(teacher)


def similarity_preserving(student: Tensor, teacher: Tensor) -> Tensor:
    """|G_s - G_t|^2 / n^2 of the Gram matrices H H^T whose rows have unit length; a scalar.

    Since every row of both is of unit length, this is 2 / n^2 times the sum over i of 1 - cos(row i, row i), and every
    inner product of rows goes through a matrix of width x width: no n x n matrix is formed. A state of zeros, which
    every inner product misses, has a row of zeros.
    """
    own, other, both = student.T @ student, teacher.T @ teacher, student.T @ teacher
    own_square = ((student @ own) * student).sum(dim=1)
    other_square = ((teacher @ other) * teacher).sum(dim=1)
    product = ((student @ both) * teacher).sum(dim=1)
    tiny = torch.finfo(student.dtype).tiny
    cosine = product * own_square.clamp(min=tiny).rsqrt() * other_square.clamp(min=tiny).rsqrt()
    there = (own_square > tiny).to(cosine.dtype) + (other_square > tiny).to(cosine.dtype)
    return (there - 2 * cosine).clamp(min=0).sum() / student.shape[0] ** 2


def global_structure(kernel: GlobalKernel, student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of K(u_i, u_j) over all pairs of rows; a scalar.

    cosine u.v of unit rows; poly its square; l2 |u - v|; rbf exp(-|u - v|^2 / 2). Distances come from products, so that
    no rows x rows x width tensor is formed. Of cosines not even rows x rows: with unit rows U and V the sum of
    (U U' - V V')^2 is |U' U|^2 + |V' V|^2 - 2 |U' V|^2, products of width x width.
    """
    if kernel != "cosine" or student.shape[0] <= student.shape[1] + teacher.shape[1]:
        return F.mse_loss(_pairwise(kernel, student), _pairwise(kernel, teacher))
    own, other = F.normalize(student), F.normalize(teacher)
    alike = (own.T @ own).square().sum() + (other.T @ other).square().sum()
    return (alike - 2 * (own.T @ other).square().sum()).clamp(min=0) / student.shape[0] ** 2


def _pairwise(kernel: GlobalKernel, states: Tensor) -> Tensor:
    if kernel in ("cosine", "poly"):
        unit = F.normalize(states)
        cosine = unit @ unit.T
        return cosine if kernel == "cosine" else cosine.square()
    squared = squared_distances(states)
    return torch.exp(-0.5 * squared) if kernel == "rbf" else squared.clamp(min=_NEAREST).sqrt()


def squared_distances(states: Tensor) -> Tensor:
    """[rows, width] -> [rows, rows], 0 on the diagonal."""
    centred = states - states.mean(dim=0).detach()  # far from the origin, differences of squares would round
    squares = centred.square().sum(dim=1)
    found = (squares[:, None] + squares[None, :]).addmm(centred, centred.T, alpha=-2.0).clamp(min=0)
    return found.fill_diagonal_(0)


def contrastive(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Mean over rows of the cross-entropy of U V^T / temperature, unit rows, with a row's own place as its class."""
    logits = (F.normalize(student) / temperature) @ F.normalize(teacher).T
    return F.cross_entropy(logits, torch.arange(logits.shape[0], device=logits.device))


def distance_relation(student: Tensor, teacher: Tensor) -> Tensor:
    """Smooth L1 between the distances of all pairs, each divided by the mean of the positive ones; a scalar."""
    return F.smooth_l1_loss(_relative_distances(student), _relative_distances(teacher))


def _relative_distances(states: Tensor) -> Tensor:
    squared = squared_distances(states)
    distances = squared.clamp(min=_NEAREST).sqrt() * (squared > 0)
    positive = (distances > 0).sum().clamp(min=1)
    return distances / (distances.sum() / positive).clamp(min=_NEAREST)


def angle_relation(student: Tensor, teacher: Tensor) -> Tensor:
    """Smooth L1 between the cosines of the angles at i from j to k, of all triples of rows; a scalar. rows^3 memory."""
    return F.smooth_l1_loss(_angles(student), _angles(teacher))


def _angles(states: Tensor) -> Tensor:
    directions = F.normalize(states[None, :, :] - states[:, None, :], dim=2)
    return directions @ directions.transpose(1, 2)
