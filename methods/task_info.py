"""What there is to know of a task before it is loaded. Listing tasks loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: What a task may be judged by, all of them fractions of which more is better: a name of `tasks.metrics.METRICS`.
Metric = str


Setting = Literal["transductive", "inductive", "graph-level"]


@dataclass(frozen=True)
class TaskInfo:
    """What there is to know of a task before it is loaded; `target` is its `module:Class`, a `contract.Task`.

    items: what one item is. labels: one class an item, a set of labels an item, or 0 and 1.
    metrics: those that fit, the usual one first. settings: those it can be trained in, the usual one first.
    typed: its graphs have types of nodes and edges, and its items are the nodes of the first type.
    """

    name: str
    title: str
    items: Literal["node", "graph", "pair"]
    labels: Literal["class", "set", "binary"]
    metrics: tuple[Metric, ...]
    settings: tuple[Setting, ...]
    target: str
    typed: bool = False

    def why_not_setting(self, setting: str) -> str | None:
        """Why it is not trained in a setting, in words; None where it is."""
        if setting in self.settings:
            return None
        return f"task {self.name} is {' or '.join(self.settings)}"
