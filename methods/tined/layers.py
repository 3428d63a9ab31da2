"""What a teacher's layers hand on to a student without a graph: weights, and how they change the Dirichlet energy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from graph_distillery.methods.contract import Graph, Teacher
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.losses.dirichlet import dirichlet_energy


@dataclass(frozen=True)
class TeacherLayer:
    """One layer P x W + b of a teacher.

    weight: [in, out]; bias: [out]; propagates_first: whether P x is made before the product with W, as DGL does where
    that does not make rows longer.
    """

    part: Any
    weight: Tensor
    bias: Tensor
    propagates_first: bool

    @property
    def widths(self) -> tuple[int, int]:
        """Of what its two halves return, in the order in which it runs them."""
        wide, narrow = self.weight.shape
        return (wide, narrow) if self.propagates_first else (narrow, narrow)

    def ratios(self, graph: Graph, features: Tensor | SparseMatrix) -> tuple[Tensor, Tensor]:
        """By what its two halves multiply the energy of what they read, in the order in which it runs them.

        features: [nodes, in], what the layer reads of the graph. Scalars; 1 where an energy is 0.
        """
        arcs, linear = graph.edge_index, self.part.linear
        if self.propagates_first:
            middle = graph.propagation(self.part.kind) @ _dense(features)
            last = middle @ self.weight
        else:
            middle = linear(features)
            last = self.part(graph, features) - self.bias
        first, second, third = (dirichlet_energy(_dense(each), arcs) for each in (features, middle, last))
        return energy_ratio(first, second), energy_ratio(second, third)


def energy_ratio(before: Tensor, after: Tensor) -> Tensor:
    """after / before, or 1, without a gradient, where either is 0; scalars."""
    if before > 0 and after > 0:
        return after / before
    return 1 + 0 * after


def teacher_layers(teacher: Teacher) -> list[TeacherLayer]:
    """The layers of a teacher's network.

    Raises:
        ValueError: there is none, or a layer is not of the form P x W + b; one line that says what is.
    """
    parts = list(getattr(teacher.model, "layers", ()))
    if not parts or not all(map(_is_of_the_form, parts)):
        raise ValueError(
            f"tined takes over layers of one weight, a propagation and a bias, and teacher {teacher.name!r} has "
            "others; teachers: gcn, sage with aggregator gcn, gat without residual"
        )
    found = []
    for part in parts:
        weight = part.linear.weight.detach()
        bias = weight.new_zeros(weight.shape[1]) if part.bias is None else part.bias.detach()
        known = getattr(part, "kind", None) is not None  # attention reads what the weight has made of x
        found.append(TeacherLayer(part, weight, bias, known and weight.shape[0] <= weight.shape[1]))
    return found


def _is_of_the_form(part: Any) -> bool:
    linear = getattr(part, "linear", None)
    if linear is None or linear.bias is not None or not hasattr(part, "bias"):
        return False
    if getattr(part, "kind", None) is not None:
        return True
    heads = getattr(part, "heads", None)  # of attention, whose heads keep the weight's columns unless they are averaged
    return heads is not None and part.skip is None and not part.identity and not (part.averaged and heads > 1)


@torch.no_grad()
def teacher_ratios(teacher: Teacher, layers: list[TeacherLayer]) -> Tensor:
    """[2 layers], the energy ratios of every half, in the order in which the teacher runs them, on its whole graph."""
    found: list[Tensor] = []
    for depth, layer in enumerate(layers):
        features = teacher.graph.features if depth == 0 else teacher.hidden[depth - 1]
        found += layer.ratios(teacher.graph, features)
    return torch.stack(found)


def _dense(features: Tensor | SparseMatrix) -> Tensor:
    return features if isinstance(features, Tensor) else features.to_dense()
