"""RKD, relational knowledge distillation (Park et al., CVPR 2019, equations 4 to 9), over nodes instead of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import Field
from torch import Tensor

from graph_distillery.methods.losses.hints import HintHyperparameters
from graph_distillery.methods.losses.relations import RelationMethod, angle_relation, distance_relation


class RKDHyperparameters(HintHyperparameters):
    beta: float = Field(25.0, ge=0, description="weight of both terms; the distances' own")
    angle_weight: float = Field(2.0, ge=0, description="weight of the angles against the distances")
    nodes: int = Field(
        64, ge=3, le=1024, description="nodes that a step compares, drawn anew; memory is nodes^2 x (nodes + width)"
    )


RKDH = TypeVar("RKDH", bound=RKDHyperparameters)


class RKDRelation(RelationMethod[RKDH]):
    """beta (smooth L1 of relative distances + angle_weight smooth L1 of angles), on a sample of observed nodes.

    Distances are divided by their mean on either side. Nothing is learned beside the student, and widths need not
    agree: what a rotation, a shift or a scale changes is no difference.
    """

    quick: ClassVar[Mapping[str, Any]] = {"nodes": 32}

    def sample(self) -> int:
        return self.hyper.nodes

    def relation(self, student: Tensor, teacher: Tensor) -> Tensor:
        found = distance_relation(student, teacher)
        weight = self.hyper.angle_weight
        return found + weight * angle_relation(student, teacher) if weight else found


class RKD(RKDRelation[RKDHyperparameters]):
    """Both terms beside the labels, without logits."""

    Hyperparameters = RKDHyperparameters
