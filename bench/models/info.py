"""What there is to know of a model before it is loaded. Listing models loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graph_distillery.methods.task_info import TaskInfo


@dataclass(frozen=True)
class ModelInfo:
    """What there is to know of a model before it is loaded; `target` is its `module:Class`.

    settings: those it can be used in; computes: its equations in words, N(i) being the neighbours of node i and A-hat
    the propagation D^-1/2 (A + I) D^-1/2.
    graphs: whether it needs types of nodes and edges, or cannot do with them; what can takes nodes and edges of all
    types alike.
    """

    name: str
    title: str
    paper: str
    venue: str
    year: int
    url: str
    kind: Literal["mlp", "gnn"]
    target: str
    settings: tuple[str, ...] = ("transductive", "inductive", "graph-level")
    computes: str = ""
    graphs: Literal["any", "typed", "untyped"] = "any"

    def why_not_setting(self, setting: str) -> str | None:
        """Why it cannot be used in a setting, in words; None where it can."""
        if setting in self.settings:
            return None
        return f"model {self.name} fits the setting {' or '.join(self.settings)}, not {setting}"

    def why_not_task(self, task: TaskInfo) -> str | None:
        """Why it cannot be used for a task, in words; None where it can."""
        if self.graphs == "typed" and not task.typed:
            return f"model {self.name} reads types of nodes and edges, which {task.name} does not have"
        if self.graphs == "untyped" and task.typed:
            return f"model {self.name} takes all nodes for items, and {task.name} has nodes of other types"
        return None
