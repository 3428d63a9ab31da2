"""GSP, global structure preserving distillation (Joshi et al., TNNLS 2022, section III)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import Field
from torch import Tensor

from graph_distillery.methods.losses.hints import HintHyperparameters
from graph_distillery.methods.losses.relations import GlobalKernel, HeadedRelationMethod, global_structure


class GSPHyperparameters(HintHyperparameters):
    beta: float = Field(1.0, ge=0, description="weight of the term, in units of the one shipped for the kernel")
    kernel: GlobalKernel = Field("cosine", description="how two nodes compare")
    nodes: int = Field(4096, ge=2, description="nodes that a step compares, drawn anew; memory is nodes^2")
    width: int = Field(128, ge=1, description="width of both heads")


GSPH = TypeVar("GSPH", bound=GSPHyperparameters)


class GSPRelation(HeadedRelationMethod[GSPH]):
    """The mean squared difference of K(u_i, u_j) between student and teacher over all pairs of a sample of nodes.

    u: the hidden state through a trained head of Linear, BatchNorm and ReLU. `paper` compares observed nodes,
    `official_code` labelled ones alone.
    """

    quick: ClassVar[Mapping[str, Any]] = {"nodes": 200}

    #: What the released code ships for each kernel.
    unit: ClassVar[Mapping[str, float]] = {"cosine": 100.0, "poly": 100.0, "l2": 1.0, "rbf": 1e5}

    def weight(self) -> float:
        return self.hyper.beta * self.unit[self.hyper.kernel]

    def head_width(self) -> int:
        return self.hyper.width

    def sample(self) -> int:
        return self.hyper.nodes

    def relation(self, student: Tensor, teacher: Tensor) -> Tensor:
        return global_structure(self.hyper.kernel, student, teacher)


class GSP(GSPRelation[GSPHyperparameters]):
    """The term beside the labels, without logits."""

    Hyperparameters = GSPHyperparameters
