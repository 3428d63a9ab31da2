"""What the methods that match hidden states share: which layers, and the terms on labels and logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output
from graph_distillery.methods.contract.taps import states_of


class HintHyperparameters(Hyperparameters):
    beta: float = Field(1000.0, ge=0, description="weight of the term on the hidden states")
    student_layer: int = Field(-1, description="hidden state of the student; -1 is the last below the output")
    teacher_layer: int = Field(-1, description="hidden state of the teacher; -1 is the last below the output")


State = TypeVar("State")


class JointHintHyperparameters(HintHyperparameters):
    alpha: float = Field(0.9, gt=0, le=1, description="weight of the logits' term, as in `kd`; 1 - alpha on the labels")
    tau: float = Field(4.0, gt=0, description="temperature of the logits' term")


HintH = TypeVar("HintH", bound=HintHyperparameters)
JointHintH = TypeVar("JointHintH", bound=JointHintHyperparameters)


class HintMethod(Method[HintH]):
    """CE + beta hint, the hint on all observed nodes, of typed ones on the items. Without it (beta 0) the student alone
    remains."""

    def setup(self) -> None:
        if self.hyper.beta == 0:
            self.epoch_items = self.items_without_hint()

    def items_without_hint(self) -> Literal["labelled", "observed"]:
        """What an epoch passes over where the hint is switched off."""
        return "labelled"

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        return {
            "labels": self.task.label_loss(student.logits[batch.labelled], batch.labels),
            **self.hint_term(batch, student),
        }

    def hint_term(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        """beta times the hint; nothing where beta is 0."""
        hyper = self.hyper
        if hyper.beta == 0:
            return {}
        student_hidden = pick_layer(student.hidden, hyper.student_layer, "student")
        teacher_hidden = pick_layer(batch.teacher.hidden, hyper.teacher_layer, "teacher")
        items = batch.graph.num_targets
        if items < batch.graph.num_nodes:
            student_hidden, teacher_hidden = student_hidden[:items], teacher_hidden[:items]
        return {"hint": hyper.beta * self.hint(student_hidden, teacher_hidden)}

    def hint(self, student: Tensor, teacher: Tensor) -> Tensor:
        """The distance between the hidden states, [nodes, width of each]; a scalar."""
        raise NotImplementedError


class JointHintMethod(HintMethod[JointHintH]):
    """(1 - alpha) CE + alpha tau^2 KL + beta hint: a hint joined with `kd`, which remains without it.

    It goes before the method whose hint it joins: `class KDFitNet(JointHintMethod[...], FitNet)`.
    """

    def items_without_hint(self) -> Literal["labelled", "observed"]:
        return "observed"

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        hyper = self.hyper
        labels = self.task.label_loss(student.logits[batch.labelled], batch.labels)  # before it, as in `kd`: bits agree
        divergence = self.task.divergence(student.logits, batch.teacher.logits, hyper.tau)
        return {
            "labels": (1 - hyper.alpha) * labels,
            "teacher": hyper.alpha * hyper.tau**2 * divergence,
            **self.hint_term(batch, student),
        }


def hidden_width(method: Method[Any], layer: int) -> int:
    """The width of the student's hidden state, seen on one forward without dropout or gradients.

    Raises:
        ValueError: there is no such layer.
    """
    assert method.context.data is not None
    method.eval()
    with torch.no_grad():
        hidden = method(method.context.data.graph).hidden
    method.train()
    return pick_layer(hidden, layer, "student").shape[1]


def pick_layer(hidden: Sequence[State], layer: int, whose: str) -> State:
    """One hidden state, or what stands for it.

    Raises:
        ValueError: there is no such layer; the line says how many there are.
    """
    if not -len(hidden) <= layer < len(hidden):
        raise ValueError(f"{whose}_layer {layer}: the {whose} has {len(hidden)} hidden states")
    return hidden[layer]


def require_preactivation(model: nn.Module | None, layer: int, whose: str, shown: str, reader: str) -> None:
    """Raises ValueError where a network shows nothing from before its activations, or has no such layer."""
    count = 0 if model is None else sum(name.startswith("preactivation.") for name in states_of(model))
    if not count:
        raise ValueError(f"{reader} reads states before the activation, and {shown} shows none")
    pick_layer(range(count), layer, whose)
