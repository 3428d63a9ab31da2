"""HGKD+ (AAAI 2026): HGKD from several teachers, whose gradients are kept from opposing each other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, Output
from graph_distillery.methods.contract.method import Update
from graph_distillery.methods.hgkd.method import HGKDForm, HGKDHyperparameters


class HGKDPlusHyperparameters(HGKDHyperparameters):
    projected: bool = Field(True, description="whether opposing gradients are projected")


class HGKDPlus(HGKDForm[HGKDPlusHyperparameters]):
    """(1 - alpha) CE + mean over teachers k of L_k = alpha tau^2 KL(p_k || p_s) + gamma (1 - cos) + mu relations.

    The gradients g_k of the L_k in the student's weights are projected before they are added (Yu et al., NeurIPS 2020,
    Gradient Surgery): for k < l, where g_k . g_l < 0, g_k loses (g_k . g_l / |g_l|^2) g_l. Gradients of labels and of
    the maps between states stay as they are.
    """

    Hyperparameters = HGKDPlusHyperparameters

    def divergence(self, student: Output, batch: Batch, items: Tensor) -> Tensor:
        """As `ensemble-kd` has it of the arithmetic mean."""
        logits = student.logits[items]
        every = [self.task.divergence(logits, teacher.logits[items], self.hyper.tau) for teacher in batch.teachers]
        return torch.stack(every).mean()

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        """The terms without projection."""
        terms = super().loss(batch, student)
        own = [self.own_terms(batch, student, number) for number in range(len(batch.teachers))]
        for name in own[0]:
            terms[name] = torch.stack([each[name] for each in own]).mean()
        return terms

    def own_terms(self, batch: Batch, student: Output, number: int) -> dict[str, Tensor]:
        """Of one teacher's hidden states; nothing where both weigh nothing."""
        hyper, terms = self.hyper, dict[str, Tensor]()
        if not (hyper.feature_weight or hyper.relation_weight):
            return terms
        states, taught = self.states(batch, student, batch.teachers[number])
        if hyper.feature_weight:
            terms["states"] = hyper.feature_weight * self.closeness(states, taught, number)
        if hyper.relation_weight:
            terms["relations"] = hyper.relation_weight * self.relations(batch, states, taught)
        return terms

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        if not self.hyper.projected:
            return super().step(batch, update)
        return update(self.projected_terms(batch, self(batch.graph)))

    def projected_terms(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        """Terms with the values of `loss` and the projected gradients."""
        assert self.student is not None
        hyper, count = self.hyper, len(batch.teachers)
        weights = [weight for weight in self.student.parameters() if weight.requires_grad]
        losses, acted_on = [], batch.positions(hyper.node_set)
        for number, teacher in enumerate(batch.teachers):
            logits = self.task.divergence(student.logits[acted_on], teacher.logits[acted_on], hyper.tau)
            others = self.own_terms(batch, student, number)
            losses.append(torch.stack([hyper.alpha * hyper.tau**2 * logits, *others.values()]).sum())
        found = [torch.autograd.grad(each, weights, retain_graph=True, materialize_grads=True) for each in losses]
        flat = projected([torch.cat([part.flatten() for part in each]) for each in found])
        along = torch.cat([weight.flatten() for weight in weights]) @ torch.stack(flat).mean(dim=0)
        value = torch.stack(losses).mean().detach()
        labels = (1 - hyper.alpha) * self.task.label_loss(student.logits[batch.labelled], batch.labels)
        terms = {"labels": labels, "teachers": value + along - along.detach()}
        for number, head in enumerate(self.heads):
            if isinstance(head, nn.Linear):
                states, taught = self.states(batch, student, batch.teachers[number])
                term = hyper.feature_weight / count * self.closeness(states.detach(), taught, number)
                terms["teachers"] = terms["teachers"] + term - term.detach()
        return terms


def projected(gradients: Sequence[Tensor]) -> list[Tensor]:
    """Each gradient, [weights], without what opposes those that come after it, one after another."""
    found = []
    for number, gradient in enumerate(gradients):
        own = gradient
        for later in gradients[number + 1 :]:
            product = own @ later
            if float(product) < 0:
                own = own - product / later.square().sum() * later
        found.append(own)
    return found
