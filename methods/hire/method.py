"""HIRE (Liu, Zheng and Hao, Neurocomputing 2022), reconstructed: logits of items, and correlations among types."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, Output, Teacher
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.taps import states_of
from graph_distillery.methods.kd.method import KDBase, KDHyperparameters
from graph_distillery.methods.losses.hints import pick_layer
from graph_distillery.methods.losses.types import (
    Pool,
    correlation_difference,
    of_edge_types,
    of_meta_paths,
    of_node_types,
    pooled,
)


class HIREHyperparameters(KDHyperparameters):
    alpha: float = Field(0.5, ge=0, le=1, description="weight of the items' logits; 1 - alpha on the labels")
    tau: float = Field(2.0, gt=0, description="temperature of both distributions")
    beta: float = Field(1.0, ge=0, description="weight of the correlations")
    pool: Pool = Field(
        "mean", description="what stands for a type: its nodes' mean, or one weighted by closeness to it"
    )


class HIRE(KDBase[HIREHyperparameters]):
    """(1 - alpha) CE + alpha tau^2 KL(p_t || p_s) + beta |R_t - R_s|_F^2 / types^2.

    R holds the cosines between what stands for each type of nodes in the last hidden state (or for each meta-path, or
    edge type, by variant), so that widths may differ and nothing is projected. It acts on all nodes of a step, and of
    an MLP student on those of all types as well.
    """

    Hyperparameters = HIREHyperparameters

    def setup(self) -> None:
        super().setup()
        self.paths: tuple[str, ...] = ()
        if self.hyper.beta == 0:
            return
        self.needs_edges, self.epoch_items = True, "observed"
        if self.context.variant == "metapaths":
            own, theirs = (_paths(model) for model in (self.student, self.teachers[0].model))
            self.paths = own if len(own) == len(theirs) else ()
            self.student_states = self.paths
        elif not self.paths:
            self._check_types()

    def _check_types(self) -> None:
        """Raises ValueError where a network has no states of nodes but the items."""
        data, assigned = self.context.data, self.context.variant
        assert data is not None
        self.eval()
        with torch.no_grad():
            hidden = self(data.graph).hidden
        self.train()
        for whose, states in (("student", hidden), ("teacher", self.teachers[0].hidden)):
            if not pick_layer(states, -1, whose)[data.num_items :].any() and data.num_items < data.graph.num_nodes:
                name = "variant paper" if assigned == "paper" else f"variant {assigned}"
                raise ValueError(f"{name} reads states of all types, and the {whose} has those of items alone")

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        terms = super().loss(batch, student)
        if self.hyper.beta > 0:
            own = self._vectors(batch.graph, student, tuple(student.state(name) for name in self.paths))
            terms["types"] = self.hyper.beta * correlation_difference(own, self._of_teacher(batch))
        return terms

    @torch.no_grad()
    def _of_teacher(self, batch: Batch) -> Tensor:
        """[types, width]; of the whole graph it is made once."""
        teacher: Teacher = batch.teacher

        def make() -> Tensor:
            return self._vectors(batch.graph, teacher, tuple(teacher.state(name) for name in self.paths))

        if teacher is not self.teachers[0]:
            return make()
        if not hasattr(self, "_kept"):
            self._kept = make()
        return self._kept

    def _vectors(self, graph: Graph, of: Output | Teacher, gathered: tuple[Tensor, ...]) -> Tensor:
        """[types, width]: what stands for each; gathered: of each meta-path, [items, width], where it is shown."""
        if gathered:
            return torch.stack([pooled(state, self.hyper.pool) for state in gathered])
        state = pick_layer(of.hidden, -1, "teacher" if isinstance(of, Teacher) else "student")
        if self.context.variant == "metapaths":
            return of_meta_paths(graph, state, self.hyper.pool)
        if self.context.variant == "edge-types":
            return of_edge_types(graph, state)
        return of_node_types(graph, state, self.hyper.pool)


def _paths(model: object) -> tuple[str, ...]:
    """The states of a network that hold what its meta-paths gather, in their order."""
    named = states_of(model) if isinstance(model, torch.nn.Module) else {}
    return tuple(name for name in named if name.startswith("metapath."))
