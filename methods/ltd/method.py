"""LTD, learning to distill graph neural networks (Guo et al., WSDM 2023): a temperature of its own for every node.

The temperatures learn from validation labels, through a step of the student.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, Graph, OptimiserSettings, Update, adam
from graph_distillery.methods.kd.method import KDBase, KDHyperparameters

_SMALL = 1e-6
_LEAST_TEMPERATURE = 1e-4


class LTDHyperparameters(KDHyperparameters):
    alpha: float = Field(0.9, ge=0, le=1, description="without learned temperatures, as in `kd`")
    tau: float = Field(4.0, gt=0, description="without learned temperatures, as in `kd`")
    learned: bool = Field(True, description="whether temperatures are learned; otherwise it is `kd`")
    student_rate: float = Field(1.92335844492524e-4, gt=0, description="of the student's gradient steps, on sums")
    temperature_rate: float = Field(2.59968648780918e-4, gt=0, description="of the temperatures' gradient steps")
    label_weight: float = Field(1.0, ge=0, description="lambda, weight of the labels against the teacher's term")
    scale: float = Field(1.0, gt=0, description="k; temperatures are k (s - 0.2) with s in 0 .. 1")
    warmup: int = Field(20, ge=0, description="epochs before the temperatures move")
    hidden: int = Field(64, ge=1, description="width of the network of temperatures")
    temperature_dropout: float = Field(0.4, ge=0, lt=1, description="of that network's two inputs")


class Temperatures(nn.Module):
    """k (sigmoid(MLP(z_s, |z_s|, e)) - 0.2), and 1e-4 where that is nearer 0; [nodes, 1]."""

    def __init__(self, classes: int, hidden: int, dropout: float, scale: float) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(classes + 2, hidden), nn.Linear(hidden, 1)
        self.dropout, self.scale = dropout, scale

    def forward(self, logits: Tensor, entropy: Tensor) -> Tensor:
        """logits: [nodes, classes], the student's; entropy: [nodes]. The norms of the logits are taken as constants."""
        norms = logits.detach().norm(dim=1)
        state = torch.cat([logits, norms[:, None], entropy[:, None]], dim=1)
        state = F.relu(self.first(F.dropout(state, self.dropout, self.training)))
        found = torch.sigmoid(self.second(F.dropout(state, self.dropout, self.training)))
        found = (found - 0.2) * self.scale
        return torch.where(found.abs() < _LEAST_TEMPERATURE, _LEAST_TEMPERATURE, found)


class LTD(KDBase[LTDHyperparameters]):
    """The student descends sum over nodes of CE(softmax(z_t / T_i), p_s) + lambda sum over the labelled of CE(y, p_s).

    T_i is a function of the student's logits, their norm and the entropy of the mean of the teacher's outputs around
    the node (1e-4 where it has no neighbour). In each epoch after the warm-up its weights descend the sum of CE on
    validation labels of the student as that very step leaves it, differentiated through the step. Every logarithm is of
    its argument + 1e-6, and so are the targets. Steps are plain (no Adam, no decay): `lr` and `weight_decay` of the
    student count only without learned temperatures, where it is `kd`.
    """

    Hyperparameters = LTDHyperparameters
    #: A short run is to move the temperatures, and a short one of few nodes to arrive.
    quick: ClassVar[Mapping[str, Any]] = {"warmup": 0, "student_rate": 2e-4, "temperature_rate": 1e-2}

    def setup(self) -> None:
        hyper, data = self.hyper, self.context.data
        assert data is not None
        self.temperatures: Temperatures | None = None
        if not hyper.learned:
            super().setup()
            return
        assert self.context.validation is not None
        self.items, self.labels = self.context.validation
        self.temperatures = Temperatures(self.task.num_classes, hyper.hidden, hyper.temperature_dropout, hyper.scale)
        self.entropy = neighbour_entropy(data.graph, self.teachers[0].logits)

    def optimizers(self, settings: OptimiserSettings) -> Sequence[torch.optim.Optimizer]:
        """Plain descent of the student and of the temperatures; one Adam of the student without these."""
        assert self.student is not None
        if self.temperatures is None:
            return [adam(self.parameters(), settings)]
        return [
            torch.optim.SGD(self.student.parameters(), lr=self.hyper.student_rate),
            torch.optim.SGD(self.temperatures.parameters(), lr=self.hyper.temperature_rate),
        ]

    def on_epoch_start(self, epoch: int) -> None:
        self.epoch = epoch

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        if self.temperatures is None or self.student is None:
            return super().step(batch, update)
        weights = dict(self.student.named_parameters())
        terms = self.inner(batch, self(batch.graph).logits)
        later = self.epoch >= self.hyper.warmup
        total = torch.stack(list(terms.values())).sum()
        gradients = torch.autograd.grad(total, list(weights.values()), create_graph=later)
        told = {name: term.detach() for name, term in terms.items()}
        if later:
            rate = self.hyper.student_rate
            moved = {name: old - rate * by for (name, old), by in zip(weights.items(), gradients, strict=True)}
            logits = torch.func.functional_call(self.student, moved, (self.inputs(batch.graph),)).logits
            told |= update({"validation": self.cross_entropy(logits[self.items], self.labels)}, 1)
        # The very gradient again, as that of a linear term.
        linear = [(old * by.detach()).sum() for old, by in zip(weights.values(), gradients, strict=True)]
        update({"step": torch.stack(linear).sum()}, 0)
        return told

    def inner(self, batch: Batch, logits: Tensor) -> dict[str, Tensor]:
        """What the student descends, of its logits, [nodes, classes]."""
        assert self.temperatures is not None
        temperature = self.temperatures(logits, self.entropy)
        target = (batch.teacher.logits / temperature).softmax(dim=1)
        labels = self.cross_entropy(logits[batch.labelled], batch.labels)
        return {
            "teacher": -((target + _SMALL) * (logits.softmax(dim=1) + _SMALL).log()).sum(),
            "labels": self.hyper.label_weight * labels,
        }

    def cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Added up over nodes; [nodes, classes] and [nodes]."""
        target = F.one_hot(labels, logits.shape[1]).to(logits.dtype)
        return -((target + _SMALL) * (logits.softmax(dim=1) + _SMALL).log()).sum()


def neighbour_entropy(graph: Graph, logits: Tensor) -> Tensor:
    """[nodes]: the entropy in nats of the mean of the teacher's outputs over in-neighbours; 1e-4 where none is."""
    around = graph.propagation("mean") @ logits.softmax(dim=1)
    return torch.where(graph.in_degrees() > 0, torch.special.entr(around).sum(dim=1), 1e-4)
