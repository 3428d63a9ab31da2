"""What there is to know of a method before it is loaded. Listing methods loads no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from graph_distillery.near_names import hint

ALL_TASKS = ("node-classification", "node-multilabel", "graph-classification")
NODE_TASKS = ("node-classification", "node-multilabel")
#: Of graphs with types of nodes and edges.
TYPED_TASKS = ("typed-node-classification", "typed-node-multilabel")
#: Of a method that leaves everything a task decides to the task, plug-in tasks included.
ANY_TASK = ("any",)

#: What a variant may be called: it stands in records, in ids and in file names.
VARIANT_NAME = r"[a-z0-9]+(?:[_-][a-z0-9]+)*"
_LONGEST_VARIANT = 40

#: What remains of a method whose own term was all that its student learned from.
UNTRAINED = "untrained"

_PAPER: Mapping[str, str] = {"paper": "as published"}


@dataclass(frozen=True)
class MethodInfo:
    """What there is to know of a method before it is loaded.

    students: the kinds of student it trains ("gnn", "mlp"); empty when it has none.
    student_models: the models it trains, where they are not all of those kinds.
    inference: what a prediction needs: the node's features, with or without positions computed beforehand, the graph,
        or structure computed beforehand.
    variants: name -> how it differs; `paper` is always there and comes first.
    training_data: False for a method that distils without any training data.
    own_term: the hyperparameters by which its own contribution is switched off, whatever the others are; None for a
        control, which has none: a row to compare with, of all methods or of a family.
    without_own_term: the method that then remains of variant `paper`, at the hyperparameters that both have and with
        the same student; `UNTRAINED` where nothing is left to train on.
    status: `reconstructed` where neither paper nor code give the complete algorithm; no published number judges it.
    test_selected: the variants that choose something by test labels, as released code does. They are there for the
        reproduction of a published number alone.
    trains_on_validation: it learns from labels of validation items, which nobody else does (a temperature, say). It is
        given three of four of them, and its epoch is chosen by the rest; no board ranks it.
    artefacts: the kinds of what is computed once for its trials (a positional encoding, propagated features).
    derived_teacher: the method that makes the cell's teacher anew before this one learns from it (prunes and retrains
        it, say): one with one teacher, whose student is the teacher's own model. Its hyperparameters are those of this
        method whose names open with `teacher_`, without that; a teacher so made is trained once for each of their
        values, and shared by all trials and methods that ask for it.
    retrains_teacher: its student is its teacher's own model, of the same layers and widths, and goes on from that one's
        weights.
    below_alone: why it falls below the student alone on Cora at its defaults, where it does; a table of all methods
        says so in its row.
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
    inference: Literal["features", "positions", "graph", "precomputed structure", "as the student"] = "as the student"
    variants: Mapping[str, str] = field(default_factory=lambda: _PAPER)
    training_data: bool = True
    student_models: tuple[str, ...] = ()
    own_term: Mapping[str, Any] | None = None
    without_own_term: str = "supervised"
    status: Literal["faithful", "reconstructed"] = "faithful"
    test_selected: tuple[str, ...] = ()
    trains_on_validation: bool = False
    artefacts: tuple[str, ...] = ()
    derived_teacher: str | None = None
    retrains_teacher: bool = False
    below_alone: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError, one line, where a variant's name will not do or is told of without being there."""
        for name in self.variants:
            if len(name) > _LONGEST_VARIANT or not re.fullmatch(VARIANT_NAME, name):
                raise ValueError(
                    f"method {self.name!r}: variant {name!r}: up to {_LONGEST_VARIANT} lower-case letters and digits, "
                    "joined by - or _"
                )
        for name in self.test_selected:
            if name not in self.variants:
                raise ValueError(f"method {self.name!r}: test_selected: {hint(name, self.variants)}")

    def supports(self, task: str) -> bool:
        """Whether it is made for a task, by the task's name."""
        return task in self.tasks or self.tasks == ANY_TASK

    def why_not_student(self, model: str, kind: str) -> str | None:
        """Why it does not train a model of this kind, in words that follow its name; None where it does."""
        trains = " or ".join(self.student_models or self.students) or "no"
        if kind not in self.students:
            return f"trains {trains} students, and {model} is of kind {kind}"
        if self.student_models and model not in self.student_models:
            return f"trains {trains} students, and {model} is none of them"
        return None
