"""KDGA (Wu et al., NeurIPS 2022): a teacher on an augmented graph teaches a student on the graph as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import (
    Batch,
    Graph,
    Hyperparameters,
    Method,
    OptimiserSettings,
    Output,
    Update,
    adam,
)
from graph_distillery.methods.kdga.augmentor import (
    AugmentedGraph,
    Augmentor,
    Draw,
    Noise,
    Normalised,
    reconstruction,
)


class KDGAHyperparameters(Hyperparameters):
    alpha: float = Field(0.3, ge=0, le=1, description="share of the learned logits in an edge's chance; 0: no change")
    draw_temperature: float = Field(1.0, gt=0, description="of the relaxed draws of edges")
    temperature: float = Field(1.0, gt=0, description="of both distributions")
    augmentor_weight: float = Field(0.1, ge=0, description="weight of the edges' reconstruction")
    kd_weight: float = Field(20.0, ge=0, description="weight of the divergences over nodes and edges")
    teacher_weight: float = Field(1.0, ge=0, description="weight of the labels for the teacher; the paper has 1")
    augmentor_hidden: int = Field(256, ge=1, description="width of the augmentor")
    augmentor_epochs: int = Field(200, ge=0, description="steps of the augmentor alone, before the first epoch")
    classifier_epochs: int = Field(50, ge=0, description="steps of teacher and student on the graph itself, thereafter")
    most_nodes: int = Field(20_000, ge=1, description="largest graph; a step takes time of nodes^2")


class KDGA(Method[KDGAHyperparameters]):
    """CE(student) + teacher_weight CE(teacher) + augmentor_weight BCE(edges) + kd_weight T^2 (nodes + edges).

    Student and teacher share all layers but the last. The student reads the graph, the teacher a draw of it anew in
    each step, D^-1/2 A' D^-1/2 with A'_ij of the chance alpha z_i . z_j / max + (1 - alpha) A_ij. nodes: the mean of
    the elements of p_t log(p_t / p_s) over nodes and classes; edges: the same of the student at i and the teacher at j,
    over the arcs (i, j) and loops that A and A' share. Nothing is constant in them: they move teacher, student and, by
    straight-through draws, the augmentor. Edges must be mutual, as a draw is. At alpha 0 the teacher reads the graph
    itself, and no augmentor is trained.
    """

    Hyperparameters = KDGAHyperparameters
    best_epoch = "first"
    quick: ClassVar[Mapping[str, Any]] = {"augmentor_epochs": 2, "classifier_epochs": 2, "augmentor_hidden": 16}

    def setup(self) -> None:
        hyper, data = self.hyper, self.context.data
        assert data is not None
        self.augmentor: Augmentor | None = None
        self.teacher: nn.Module | None = None
        self.distils = hyper.kd_weight > 0 or hyper.teacher_weight > 0
        if not self.distils:
            self.epoch_items = "labelled"
            return
        count = data.graph.num_nodes
        if count > hyper.most_nodes:
            raise ValueError(
                f"most_nodes {hyper.most_nodes}: 'kdga' weighs all pairs of nodes, and this graph has {count} nodes"
            )
        self.teacher = self.sharing()
        if hyper.alpha > 0:
            self.augmentor = Augmentor(data.graph.num_features, hyper.augmentor_hidden)

    def sharing(self) -> nn.Module:
        """Another student with a last layer of its own; all else is the student's."""
        other = self.new_student()
        assert self.student is not None
        own, theirs = self.student.layers, other.layers
        assert isinstance(own, nn.ModuleList)
        assert isinstance(theirs, nn.ModuleList)
        for index in range(len(own) - 1):
            theirs[index] = own[index]
        other.norms = self.student.norms
        return other

    def optimizers(self, settings: OptimiserSettings) -> Sequence[torch.optim.Optimizer]:
        """One of everything; before the first epoch one of the augmentor, without decay, and one of the networks."""
        everything = adam(self.parameters(), settings)
        if self.teacher is None or self.student is None:
            return [everything]
        networks = nn.ModuleList([self.student, self.teacher])
        first = self.augmentor or networks
        decay = 0.0 if self.augmentor else settings.weight_decay
        before = (
            adam(first.parameters(), replace(settings, weight_decay=decay)),
            adam(networks.parameters(), settings),
        )
        return [everything, *before]

    def on_epoch_start(self, epoch: int) -> None:
        self.epoch = epoch

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        if self.epoch == 0 and self.teacher is not None:
            self.begin(batch, update)
        return super().step(batch, update)

    def begin(self, batch: Batch, update: Update) -> None:
        """The augmentor alone, then teacher and student on the graph itself."""
        assert self.teacher is not None
        if self.augmentor is not None:
            for _ in range(self.hyper.augmentor_epochs):
                embedding = self.augmentor(batch.graph)
                update({"augmentor": reconstruction(embedding, batch.graph.propagation("sum_self"))}, 1)
        for _ in range(self.hyper.classifier_epochs):
            both = [self.teacher(batch.graph), self(batch.graph)]
            teacher, student = (self.task.label_loss(each.logits[batch.labelled], batch.labels) for each in both)
            update({"teacher": teacher, "labels": student}, 2)

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        hyper, graph = self.hyper, batch.graph
        terms = {"labels": self.task.label_loss(student.logits[batch.labelled], batch.labels)}
        if self.teacher is None:
            return terms
        seen, shared = self.augmented(graph, terms)
        teacher: Output = self.teacher(seen)
        terms["teacher"] = hyper.teacher_weight * self.task.label_loss(teacher.logits[batch.labelled], batch.labels)
        own, theirs = (F.log_softmax(each.logits / hyper.temperature, dim=1) for each in (student, teacher))
        target = theirs.exp()
        nodes = (target * (theirs - own)).mean()
        terms["distilled"] = hyper.kd_weight * hyper.temperature**2 * (nodes + over_arcs(own, theirs, target, shared))
        return terms

    def augmented(self, graph: Graph, terms: dict[str, Tensor]) -> tuple[Graph, Tensor]:
        """What the teacher reads, and the [arcs, 2] target and source that it shares with the graph, loops included.

        The augmentor's own loss is put among the terms.
        """
        adjacency = graph.propagation("sum_self")
        if self.augmentor is None:
            return graph, torch.stack([adjacency.row_of_entry, adjacency.columns], dim=1)
        embedding = self.augmentor(graph)
        terms["augmentor"] = self.hyper.augmentor_weight * reconstruction(embedding, adjacency)
        draw = Draw(embedding, adjacency, self.hyper.alpha, self.hyper.draw_temperature, Noise())
        return AugmentedGraph.of(graph, Normalised(draw)), draw.shared


def over_arcs(own: Tensor, theirs: Tensor, target: Tensor, arcs: Tensor) -> Tensor:
    """The mean of the elements of p_t,j (log p_t,j - log p_s,i) over arcs (i, j), [arcs, 2].

    own, theirs: the logarithms of p_s and p_t, target: p_t; [nodes, classes] each. By sums over the arcs of each node:
    no element of an arc is formed.
    """
    rows, columns = arcs[:, 0], arcs[:, 1]
    entropy = (target * theirs).sum(dim=1)[columns].sum()
    met = torch.zeros_like(target).index_add(0, rows, target[columns])
    return (entropy - (met * own).sum()) / (arcs.shape[0] * own.shape[1])
