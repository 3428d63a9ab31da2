"""NOSMOG (Tian et al., ICLR 2023, sections 3.2 to 3.4): positions, similarities and perturbed features beside GLNN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, Output, Serving
from graph_distillery.methods.contract.dropout import dropout
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.widening import beside
from graph_distillery.methods.glnn.method import GLNNForm, GLNNHyperparameters
from graph_distillery.methods.losses.hints import hidden_width, pick_layer, require_preactivation
from graph_distillery.methods.losses.perturbation import FeaturePerturbation


class NOSMOGHyperparameters(GLNNHyperparameters):
    position: Literal["deepwalk", "netmf", "laplacian", "none"] = Field("deepwalk", description="what stands beside x")
    position_dim: int = Field(64, ge=1, le=1024, description="width of a position")
    walks: int = Field(5, ge=1, description="walks from each node; `deepwalk` alone")
    walk_length: int = Field(50, ge=2, description="nodes of a walk; `deepwalk` alone")
    window: int = Field(5, ge=1, description="steps that a node looks to either side; `deepwalk` and `netmf`")
    walk_epochs: int = Field(1, ge=1, description="passes over all walks; `deepwalk` alone")
    similarity_weight: float = Field(0.1, ge=0, description="mu, weight of the similarities among the nodes of a step")
    adversarial_weight: float = Field(0.1, ge=0, description="weight of the loss on perturbed inputs")
    radius: float = Field(0.04, ge=0, description="epsilon, the most that an entry of the input is moved by")
    ascent_steps: int = Field(5, ge=0, description="steps of a quarter of the radius that move it")


class NOSMOG(GLNNForm[NOSMOGHyperparameters]):
    """L + mu mean_ij (h_t,i . h_t,j - g_i . g_j)^2 + adversarial_weight max over delta of L(x + delta); L as `glnn`.

    x is a node's features with its position beside them (`artefacts.positions`), which delta moves too; g = ReLU(W h_s)
    with W trained, of the student's last hidden state; i and j are nodes of one step. Weight 0 leaves a term out.
    """

    Hyperparameters = NOSMOGHyperparameters
    predicts_by_item = True  # positions are a column
    quick: ClassVar[Mapping[str, Any]] = {"position_dim": 8, "walks": 1, "walk_length": 10}

    def setup(self) -> None:
        super().setup()
        hyper, official = self.hyper, self.context.variant == "official_code"
        self.encoder: nn.Linear | None = None
        self.teacher_state = "preactivation.-1" if official else "hidden.-1"
        if hyper.similarity_weight > 0:
            if official:
                require_preactivation(self.student, -1, "student", "the student", "official_code")
                require_preactivation(self.teachers[0].model, -1, "teacher", "the teacher", "official_code")
            pick_layer(self.teachers[0].hidden, -1, "teacher")
            width = hidden_width(self, -1)
            self.encoder = nn.Linear(width, width)
        if hyper.adversarial_weight > 0:
            require_preactivation(self.student, 0, "student", "the student", "the perturbation of features")
            assert self.student is not None
            self.perturbation = FeaturePerturbation(self.student, hyper.radius, hyper.ascent_steps)
        states = ["preactivation.0"] * (hyper.adversarial_weight > 0)
        states += ["preactivation.-1"] * (self.encoder is not None and official)
        self.student_states = tuple(states)

    def new_student(self, num_features: int | None = None, **hyper: Any) -> nn.Module:
        positions = self.context.artefacts["positions"]["positions"].shape[1] if self._positioned else 0
        return super().new_student((num_features or self.context.num_features) + positions, **hyper)

    @property
    def _positioned(self) -> bool:
        return self.hyper.position != "none"

    def _widened(self, graph: Graph) -> Graph:
        return beside(graph, "positions") if self._positioned else graph

    def forward(self, graph: Graph) -> Output:
        return super().forward(self._widened(graph))

    def serving(self) -> Serving:
        return Serving("positions") if self._positioned else Serving()

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        hyper = self.hyper
        terms = super().loss(batch, student)
        share = self._share()
        if share == 0:  # the step on labels that weigh nothing
            return terms
        if self.encoder is not None:
            terms["similarities"] = share * hyper.similarity_weight * self._similarities(batch, student)
        if hyper.adversarial_weight > 0:
            terms["adversarial"] = hyper.adversarial_weight * self._adversarial(batch, student)
        return terms

    def _share(self) -> float:
        """What the step's own terms are multiplied by: in steps apart, what its part of `glnn` is."""
        if self.context.variant != "official_code":
            return 1.0
        return self.hyper.label_weight if self.terms == ("labels",) else 1 - self.hyper.label_weight

    def _similarities(self, batch: Batch, student: Output) -> Tensor:
        assert self.encoder is not None
        official = self.context.variant == "official_code"
        states = student.state("preactivation.-1" if official else "hidden.-1")
        encoded = F.relu(self.encoder(states))
        if official:
            rate = float(getattr(getattr(self.student, "hyper", None), "dropout", 0.0))
            encoded = dropout(encoded, rate, self.training)
        return similarity_difference(encoded, batch.teacher.state(self.teacher_state))

    def _adversarial(self, batch: Batch, student: Output) -> Tensor:
        clean, width = student.state("preactivation.0"), self._widened(batch.graph).num_features

        def loss(logits: Tensor) -> Tensor:
            if self.hyper.label_weight == 0:
                return self.teacher_term(batch, Output(logits))
            return torch.stack(list(super(NOSMOG, self).loss(batch, Output(logits)).values())).sum()

        return loss(self.perturbation.logits(clean, width, loss))


def similarity_difference(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over all pairs of rows of (t_i . t_j - s_i . s_j)^2; a scalar.

    |T T' - S S'|^2 = |T'T|^2 - 2 |S'T|^2 + |S'S|^2, so that no rows x rows matrix is formed. student, teacher: [rows,
    width of each].
    """
    own, both, other = student.T @ student, student.T @ teacher, teacher.T @ teacher
    return (own.square().sum() - 2 * both.square().sum() + other.square().sum()) / max(student.shape[0], 1) ** 2
