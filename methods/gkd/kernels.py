"""Heat kernels of nodes, and how far two of them are apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from graph_distillery.methods.contract.graph import arcs_among
from graph_distillery.methods.losses.relations import squared_distances

_NEAREST = 1e-12


@dataclass(frozen=True)
class HeatKernel:
    """Both networks' kernels, [rows, rows] each, of their states, [rows, width of each]."""

    kind: Literal["sigmoid", "gauss", "random"]
    time: float
    draws: int
    expansion: int

    def __call__(self, student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
        if self.kind == "random":
            return self._random(student, teacher)
        return self._plain(student), self._plain(teacher)

    def _plain(self, states: Tensor) -> Tensor:
        if self.kind == "sigmoid":
            return (states @ states.T).tanh()
        return torch.exp(-squared_distances(states).clamp(min=_NEAREST).sqrt() / self.time)

    def _random(self, student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
        """Of states of different widths the narrower one reads the first rows of W alone."""
        width = max(student.shape[1], teacher.shape[1])
        found = []
        weights = torch.randn(self.draws, width, width * self.expansion, dtype=student.dtype, device=student.device)
        signs = torch.randn(self.draws, dtype=student.dtype, device=student.device)
        for states in (student, teacher):
            features = (states @ weights[:, : states.shape[1]]).tanh()
            found.append(torch.einsum("a,aij,akj->ik", signs, features, features))
        return found[0], found[1]


def pair_distance(student: Tensor, teacher: Tensor, arcs: Tensor, rows: Tensor, num_nodes: int, delta: float) -> Tensor:
    """sum_ij w_ij (K_ij - L_ij)^2 of two kernels, [rows, rows] each; a scalar.

    w is 1 on the diagonal and on `arcs` ([2, arcs], among `num_nodes` nodes, of which `rows` are compared), else delta.
    """
    squares = (student - teacher).square()
    joined = arcs_among(arcs, rows, num_nodes)
    near = squares.diagonal().sum() + squares[joined[0], joined[1]].sum()
    return delta * squares.sum() + (1 - delta) * near
