"""OAD, online adversarial distillation (Wang et al., 2021, arXiv 2112.13966; ESWA 237, 2024), from its equations.

What `official_code` does otherwise, and what neither variant can repeat, stands in the class's docstring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import (
    Batch,
    Hyperparameters,
    Method,
    NodeSet,
    OptimiserSettings,
    Output,
    Update,
    adam,
)
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.views import outputs_of
from graph_distillery.methods.losses.adversaries import DiscriminatorRing
from graph_distillery.methods.losses.hints import hidden_width, pick_layer
from graph_distillery.methods.losses.logits import soft_divergence


class OADHyperparameters(Hyperparameters):
    students: int = Field(4, ge=2, le=64, description="m, the size of the group")
    kd_weight: float = Field(1.0, ge=0, description="weight of the divergence from the others' mean; 0: ablated")
    adversarial_weight: float = Field(1.0, ge=0, description="weight of the adversarial cycle; 0: ablated")
    discriminator_weight: float = Field(1.0, gt=0, description="scale of the discriminators' own loss")
    tau: float = Field(3.0, gt=0, description="temperature of both distributions")
    warmup: float = Field(0.5, ge=0, lt=1, description="share of the epochs on labels alone, before distillation")
    ramp: Literal["many-graphs", "always", "never"] = Field(
        "many-graphs", description="when weight moves linearly from the labels to the rest after the warm-up"
    )
    node_set: NodeSet = Field("labelled", description="the items that the divergence acts on")
    discriminator_layers: Literal[1, 2] = Field(1, description="graph convolutions of a discriminator")
    discriminator_hidden: int = Field(16, ge=1, description="width between a discriminator's two convolutions")
    student_layer: int = Field(-1, description="hidden state that is judged; -1 is the last below the output")


class OAD(Method[OADHyperparameters]):
    """A group of students of one architecture that teach each other; there is no teacher.

    After the warm-up, sum over students i of  CE(y, z_i) + kd_weight tau^2 KL(softmax(mean of the others' z / tau)
    || softmax(z_i / tau)) + adversarial_weight BCE(D_i(h_{i-1}), 1). Discriminator i tells the hidden states of
    student i, the real ones, from those of student i - 1, and takes its own step before the students take theirs.
    The targets are constants: no gradient runs from one student's term into another student. With both weights 0 the
    students are strangers, each trained on the labels from the first epoch to the last.

    `paper` averages the divergence over items, leaves the discriminators' scores unbounded, and reports the mean of
    the students' scores. `official_code` divides the divergence by items x classes once more, takes it of a softmax
    even where labels are many, ends discriminators in a ReLU, propagates in them without self-loops, reports the
    student that scores best on the judged items, and on many graphs forgets Adam's state after the warm-up.

    In both the hidden state is read after its activation, the epoch is chosen on validation after the warm-up, and
    the students are this suite's models. (The released GCN is judged before the activation, on Cora the released
    epoch is chosen on test items, and the released students read graphs without self-loops.) `predict` is the first
    student's: the mean score is what to expect of any one of them. Graph classification, which the paper has not,
    is the same with the divergence on graphs and the ring on their nodes.
    """

    Hyperparameters = OADHyperparameters
    predictions_are_alike = True

    def setup(self) -> None:
        hyper, data = self.hyper, self.context.data
        assert data is not None
        self.others = nn.ModuleList(self.new_student() for _ in range(hyper.students - 1))
        self.official = self.context.variant == "official_code"
        self.judged_by = "best" if self.official else "mean"
        self.best_epoch = "first" if self.official else "last"  # its code compares by >
        self.ring: DiscriminatorRing | None = None
        if hyper.adversarial_weight > 0:
            width = hidden_width(self, hyper.student_layer)
            between = [hyper.discriminator_hidden] * (hyper.discriminator_layers - 1)
            self.ring = DiscriminatorRing(hyper.students, [width, *between, 1], self.official, not self.official)
        self.many_graphs = data.graph.num_graphs > 1
        self.distils = hyper.kd_weight > 0 or hyper.adversarial_weight > 0
        self.warmup_epochs = int(hyper.warmup * self.context.settings.epochs)
        self.epoch = self.warmup_epochs
        self.renews_adam = self.official and self.many_graphs

    @property
    def group(self) -> list[nn.Module]:
        """All students."""
        assert self.student is not None
        return [self.student, *self.others]

    def outputs(self, graph: Graph) -> list[Output]:
        """Every student's output."""
        return outputs_of(self.group, self.inputs(graph))

    def predictions(self, graph: Graph) -> Sequence[Output]:
        return self.outputs(graph)

    def may_be_kept(self, epoch: int) -> bool:
        return not self.distils or epoch >= self.warmup_epochs

    def on_epoch_start(self, epoch: int) -> None:
        self.epoch = epoch

    def optimizers(self, settings: OptimiserSettings) -> Sequence[torch.optim.Optimizer]:
        """One Adam over all students; one over the discriminators, of the same rate and without decay."""
        students = adam((parameter for student in self.group for parameter in student.parameters()), settings)
        if self.ring is None:
            return [students]
        return [students, adam(self.ring.parameters(), replace(settings, weight_decay=0.0))]

    def weights(self) -> tuple[float, float]:
        """What the labels' term and the distillation's terms are multiplied by in this epoch."""
        since = self.epoch - self.warmup_epochs
        if since < 0 or not self.distils:
            return 1.0, 0.0
        if self.hyper.ramp == "never" or (self.hyper.ramp == "many-graphs" and not self.many_graphs):
            return 1.0, 1.0
        share = since / (self.context.settings.epochs - self.warmup_epochs)
        return 1 - share, share

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        hyper, outputs = self.hyper, self.outputs(batch.graph)
        labelled = torch.stack([output.logits[batch.labelled] for output in outputs])
        on_labels, on_others = self.weights()
        terms = {"labels": on_labels * self.label_term(labelled, batch)}
        shown = {}
        if self.distils and self.epoch >= self.warmup_epochs:
            if hyper.kd_weight > 0:
                acted_on = labelled
                if hyper.node_set != "labelled":
                    places = batch.positions(hyper.node_set)
                    acted_on = torch.stack([output.logits[places] for output in outputs])
                terms["others"] = on_others * hyper.kd_weight * self.group_term(acted_on)
            if self.ring is not None:
                hidden = torch.stack([pick_layer(output.hidden, hyper.student_layer, "student") for output in outputs])
                shown["discriminators"] = self.teach_ring(self.ring, batch.graph, hidden.detach(), update)
                fooled = self.ring.generator_loss(batch.graph, hidden)
                terms["adversarial"] = on_others * hyper.adversarial_weight * fooled
            if self.renews_adam:
                self.renews_adam = False
                update.forget(0)
        return update(terms, 0) | shown

    def label_term(self, logits: Tensor, batch: Batch) -> Tensor:
        """The students' losses on the labels, added up. logits: [students, labelled, classes]."""
        count = logits.shape[0]
        labels = torch.cat([batch.labels] * count)
        return count * self.task.label_loss(logits.flatten(0, 1), labels)

    def group_term(self, logits: Tensor) -> Tensor:
        """tau^2 KL from the mean of the others' logits, added up over students. logits: [students, items, classes]."""
        count, items, classes = logits.shape
        frozen = logits.detach()
        targets = ((frozen.sum(0) - frozen) / (count - 1)).flatten(0, 1)
        own, tau = logits.flatten(0, 1), self.hyper.tau
        if not self.official:
            return count * tau**2 * self.task.divergence(own, targets, tau)
        return count * tau**2 * soft_divergence(own, targets, tau) / max(items * classes, 1)

    def teach_ring(self, ring: DiscriminatorRing, graph: Graph, hidden: Tensor, update: Update) -> Tensor:
        """One step of the discriminators; returns their loss. hidden: [students, nodes, width], no gradient."""
        loss = self.hyper.discriminator_weight * ring.discriminator_loss(graph, hidden)
        return update({"discriminators": loss}, 1)["discriminators"]
