"""What there is to know of a model before it is loaded. Listing models loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ModelInfo:
    """What there is to know of a model before it is loaded; `target` is its `module:Class`.

    settings: those it can be used in; computes: its equations in words, N(i) being the neighbours of node i and A-hat
    the propagation D^-1/2 (A + I) D^-1/2.
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

    def why_not_setting(self, setting: str) -> str | None:
        """Why it cannot be used in a setting, in words; None where it can."""
        if setting in self.settings:
            return None
        return f"model {self.name} fits the setting {' or '.join(self.settings)}, not {setting}"
