"""GLNN, graph-less neural networks (Zhang et al., ICLR 2022), equation 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, BatchSource, Hyperparameters, Method, Output


class GLNNHyperparameters(Hyperparameters):
    label_weight: float = Field(0.0, ge=0, le=1, description="lambda of equation 1; the paper runs 0")
    temperature: float = Field(1.0, gt=0, description="temperature of both distributions; the paper has none")


GLNNH = TypeVar("GLNNH", bound=GLNNHyperparameters)


class GLNNForm(Method[GLNNH]):
    """lambda CE on labelled nodes + (1 - lambda) KL(p_t || p_s) on all observed nodes.

    `official_code` takes its steps on the labels apart, before those on the teacher, in every epoch. With
    lambda = 0 a step on the labels has no gradient of its own, yet Adam still applies weight decay and momentum. With
    lambda = 1 there is no step on the teacher in either variant, and the student alone remains.
    """

    def setup(self) -> None:
        self.terms: tuple[str, ...] = ("labels", "teacher")
        if self.hyper.label_weight == 1:
            self.terms, self.epoch_items = ("labels",), "labelled"

    def batches(self, source: BatchSource) -> Iterator[Batch]:
        if self.context.variant == "official_code" and self.hyper.label_weight < 1:
            self.terms = ("labels",)
            yield from source.epoch("labelled")
            self.terms = ("teacher",)
        yield from source.epoch(self.epoch_items)

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        weight = self.hyper.label_weight
        terms: dict[str, Tensor] = {}
        if self.terms == ("labels", "teacher") and weight == 0:  # beside the teacher's, a term without a gradient
            terms["labels"] = student.logits.new_zeros(())
        elif "labels" in self.terms:
            terms["labels"] = weight * self.task.label_loss(student.logits[batch.labelled], batch.labels)
        if "teacher" in self.terms:
            terms["teacher"] = (1 - weight) * self.teacher_term(batch, student)
        return terms

    def teacher_term(self, batch: Batch, student: Output) -> Tensor:
        """KL(p_t || p_s) on the items of a batch, without its weight; a scalar."""
        return self.task.divergence(student.logits, batch.teacher.logits, self.hyper.temperature)


class GLNN(GLNNForm[GLNNHyperparameters]):
    """The form itself."""

    Hyperparameters = GLNNHyperparameters
