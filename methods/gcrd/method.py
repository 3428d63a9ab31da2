"""G-CRD, graph contrastive representation distillation (Joshi et al., TNNLS 2022, section IV)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch
from graph_distillery.methods.losses.hints import HintHyperparameters
from graph_distillery.methods.losses.relations import HeadedRelationMethod, contrastive


class GCRDHyperparameters(HintHyperparameters):
    beta: float = Field(0.1, ge=0, description="weight of the term; 0.1 is shipped for it alone")
    temperature: float = Field(0.075, gt=0, description="divides the cosines")
    head: Literal["linear", "gcn"] = Field("linear", description="what maps the states: Linear, or a graph convolution")
    nodes: int = Field(16384, ge=2, description="nodes that a step contrasts, drawn anew; memory is nodes^2")
    width: int = Field(256, ge=1, description="width of both heads")


GCRDH = TypeVar("GCRDH", bound=GCRDHyperparameters)


class GCRDRelation(HeadedRelationMethod[GCRDH]):
    """Cross-entropy of cos(u_i, v_j) / temperature over j, the class being i: a node's student is to find its teacher.

    u, v: the hidden states of student and teacher through trained heads of Linear (or a graph convolution), BatchNorm
    and ReLU. The student is the anchor alone. `paper` contrasts observed nodes, `official_code` labelled ones.
    """

    quick: ClassVar[Mapping[str, Any]] = {"nodes": 200}

    def setup(self) -> None:
        self.needs_edges = self.hyper.beta > 0 and self.hyper.head == "gcn"
        super().setup()

    def head_width(self) -> int:
        return self.hyper.width

    def head(self, width: int) -> nn.Module:
        first = nn.Linear(width, self.hyper.width, bias=self.hyper.head == "linear")
        return nn.Sequential(first, nn.BatchNorm1d(self.hyper.width), nn.ReLU()).to(self.context.device)

    def embed(self, student: Tensor, teacher: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        if self.hyper.head == "gcn":  # its bias would be taken off by the batch norm
            propagation = batch.graph.propagation("gcn")
            student, teacher = propagation.matmul(student), propagation.matmul(teacher)
        return self.of_student(student), self.of_teacher(teacher)

    def sample(self) -> int:
        return self.hyper.nodes

    def relation(self, student: Tensor, teacher: Tensor) -> Tensor:
        return contrastive(student, teacher, self.hyper.temperature)


class GCRD(GCRDRelation[GCRDHyperparameters]):
    """The term beside the labels, without logits."""

    Hyperparameters = GCRDHyperparameters
