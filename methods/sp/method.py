"""SP, similarity-preserving distillation (Tung and Mori, ICCV 2019, equations 2 to 4), over nodes instead of images."""

from __future__ import annotations

from typing import TypeVar

from pydantic import Field
from torch import Tensor

from graph_distillery.methods.losses.hints import HintHyperparameters
from graph_distillery.methods.losses.relations import RelationMethod, similarity_preserving


class SPHyperparameters(HintHyperparameters):
    beta: float = Field(
        3000.0, ge=0, description="weight of the term, which is at most 2 / n over n nodes: 0.03 of a batch of 64"
    )


SPH = TypeVar("SPH", bound=SPHyperparameters)


class SPRelation(RelationMethod[SPH]):
    """beta |G_s - G_t|^2 / n^2 of the row-normalised Gram matrices of the hidden states of all n observed nodes."""

    def relation(self, student: Tensor, teacher: Tensor) -> Tensor:
        return similarity_preserving(student, teacher)


class SP(SPRelation[SPHyperparameters]):
    """The term beside the labels, without logits."""

    Hyperparameters = SPHyperparameters
