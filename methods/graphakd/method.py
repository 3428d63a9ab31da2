"""GraphAKD, graph adversarial knowledge distillation (He et al., KDD 2022, arXiv 2205.11678)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, OptimiserSettings, Output, Update, adam
from graph_distillery.methods.graphakd.critics import LogitCritic, PairCritic, taken_for
from graph_distillery.methods.losses.hints import hidden_width, pick_layer


class GraphAKDHyperparameters(Hyperparameters):
    logit_weight: float = Field(1.0, ge=0, description="weight of the critic of logits and of their L1 distance")
    edge_weight: float = Field(1.0, ge=0, description="weight of the critic of arcs")
    summary_weight: float = Field(1.0, ge=0, description="weight of the critic of nodes against graphs")
    critic_every: int = Field(15, ge=1, description="epochs from one in which the critics take a step to the next")
    student_layer: int = Field(-1, description="hidden state of the student; -1 is the last below the output")
    teacher_layer: int = Field(-1, description="hidden state of the teacher; -1 is the last below the output")


class GraphAKD(Method[GraphAKDHyperparameters]):
    """CE + what it takes for three critics to mistake the student for the teacher.

    Logits: 1/2 (CE of the critic's classes + BCE(student, real)) + mean over nodes of |z_s - z_t|_1. Arcs: BCE of the
    student's pairs of states against real. Summaries: beside the teacher's summary the student's states against real;
    beside the student's own summary its states against fake and the teacher's against real, for there the critic
    takes the student's for real. The critics minimise the opposite of each (and the CE of both sides), in a step of
    their own before the student's, every `critic_every` epochs. All critics share one Adam of the student's settings.
    """

    Hyperparameters = GraphAKDHyperparameters

    def setup(self) -> None:
        hyper, device = self.hyper, self.context.device
        self.critics = nn.ModuleDict()
        self.bridge: nn.Module = nn.Identity()
        self.epoch = 0
        of_states = hyper.edge_weight > 0 or hyper.summary_weight > 0
        if not of_states and hyper.logit_weight == 0:
            self.epoch_items = "labelled"
            return
        self.needs_edges = hyper.edge_weight > 0
        if hyper.logit_weight:
            self.critics["logits"] = LogitCritic(self.task.num_classes)
        if of_states:
            target = pick_layer(self.teachers[0].hidden, hyper.teacher_layer, "teacher").shape[1]
            width = hidden_width(self, hyper.student_layer)
            if width != target:
                self.bridge = nn.Linear(width, target)
            if hyper.edge_weight:
                self.critics["edges"] = PairCritic(target)
            if hyper.summary_weight:
                self.critics["summary"] = PairCritic(target)
        self.critics.to(device)
        self.bridge.to(device)

    def optimizers(self, settings: OptimiserSettings) -> Sequence[torch.optim.Optimizer]:
        """One Adam over the student; one over the critics, of the same settings."""
        critics = set(self.critics.parameters())
        own = adam((each for each in self.parameters() if each not in critics), settings)
        return [own, adam(self.critics.parameters(), settings)] if critics else [own]

    def on_epoch_start(self, epoch: int) -> None:
        self.epoch = epoch

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        output = self(batch.graph)
        shown: dict[str, Tensor] = {}
        if self.critics and self.epoch % self.hyper.critic_every == 0:
            states = self.states(batch, output)
            shown = update(self.critic_terms(batch, output.logits.detach(), states[0].detach(), states[1]), 1)
        return update(self.loss(batch, output), 0) | shown

    def states(self, batch: Batch, output: Output) -> tuple[Tensor, Tensor]:
        """What the critics of states read, [nodes, width] of the student and of the teacher."""
        if "edges" not in self.critics and "summary" not in self.critics:
            return output.logits, output.logits
        own = self.bridge(pick_layer(output.hidden, self.hyper.student_layer, "student"))
        return own, pick_layer(batch.teacher.hidden, self.hyper.teacher_layer, "teacher")

    def critic_terms(self, batch: Batch, logits: Tensor, student: Tensor, teacher: Tensor) -> dict[str, Tensor]:
        """What the critics minimise; logits and student: without gradient."""
        terms = {}
        if "logits" in self.critics:
            critic, known = self.critics["logits"], batch.labelled
            real, fake = critic(batch.teacher.logits), critic(logits)
            told = taken_for(real[:, -1], True) + taken_for(fake[:, -1], False)
            for said in (real, fake):
                told = told + self.task.label_loss(said[known, :-1], batch.labels)
            terms["logit critic"] = told / 2
        if "edges" in self.critics:
            edges = self._pair("edges")
            arcs = batch.graph.edge_index
            terms["edge critic"] = taken_for(edges.of_arcs(teacher, arcs), True) + taken_for(
                edges.of_arcs(student, arcs), False
            )
        if "summary" in self.critics:
            critic = self._pair("summary")
            terms["summary critic"] = (
                taken_for(critic.of_summary(teacher, teacher), True)
                + taken_for(critic.of_summary(student, teacher), False)
                + taken_for(critic.of_summary(student, student), True)
                + taken_for(critic.of_summary(teacher, student), False)
            )
        return terms

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        hyper, known = self.hyper, batch.labelled
        terms = {"labels": self.task.label_loss(student.logits[known], batch.labels)}
        if not self.critics:
            return terms
        own, other = self.states(batch, student)
        if "logits" in self.critics:
            said = self.critics["logits"](student.logits)
            fooled = self.task.label_loss(said[known, :-1], batch.labels) + taken_for(said[:, -1], True)
            distance = F.l1_loss(student.logits, batch.teacher.logits) * student.logits.shape[1]
            terms["logits"] = hyper.logit_weight * (fooled / 2 + distance)
        if "edges" in self.critics:
            terms["edges"] = hyper.edge_weight * taken_for(
                self._pair("edges").of_arcs(own, batch.graph.edge_index), True
            )
        if "summary" in self.critics:
            critic = self._pair("summary")
            terms["summary"] = hyper.summary_weight * (
                taken_for(critic.of_summary(own, other), True)
                + taken_for(critic.of_summary(own, own), False)
                + taken_for(critic.of_summary(other, own), True)
            )
        return terms

    def _pair(self, name: str) -> PairCritic:
        critic = self.critics[name]
        assert isinstance(critic, PairCritic)
        return critic
