"""What is predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TaskKind = Literal["node-classification", "node-multilabel", "graph-classification"]


@dataclass(frozen=True)
class Task:
    """What is predicted: its kind, how many classes (or labels), and what one item is."""

    kind: TaskKind
    num_classes: int

    @property
    def level(self) -> Literal["node", "graph"]:
        return "graph" if self.kind == "graph-classification" else "node"

    @property
    def multilabel(self) -> bool:
        return self.kind == "node-multilabel"
