"""What there is to know of a method before it is loaded. Listing methods loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ALL_TASKS = ("node-classification", "node-multilabel", "graph-classification")
NODE_TASKS = ("node-classification", "node-multilabel")

_PAPER: Mapping[str, str] = {"paper": "as published"}


@dataclass(frozen=True)
class MethodInfo:
    """What there is to know of a method before it is loaded.

    students: the kinds of student it trains ("gnn", "mlp"); empty when it has none.
    student_models: the models it trains, where they are not all of those kinds.
    inference: what a prediction needs: the node's features, the graph, or structure computed beforehand.
    variants: name -> how it differs; `paper` is always there and comes first.
    training_data: False for a method that distils without any training data.
    """

    name: str
    title: str
    paper: str
    venue: str
    year: int
    url: str
    family: str
    target: str
    tasks: tuple[str, ...] = ALL_TASKS
    students: tuple[str, ...] = ("gnn", "mlp")
    teacher: Literal["none", "one", "many"] = "one"
    inference: Literal["features", "graph", "precomputed structure", "as the student"] = "as the student"
    variants: Mapping[str, str] = field(default_factory=lambda: _PAPER)
    training_data: bool = True
    student_models: tuple[str, ...] = ()

    def why_not_student(self, model: str, kind: str) -> str | None:
        """Why it does not train a model of this kind, in words that follow its name; None where it does."""
        trains = " or ".join(self.student_models or self.students) or "no"
        if kind not in self.students:
            return f"trains {trains} students, and {model} is of kind {kind}"
        if self.student_models and model not in self.student_models:
            return f"trains {trains} students, and {model} is none of them"
        return None
