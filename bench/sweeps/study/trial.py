"""A trial as the search of a cell sees it, and what that search is: the leaf that proposals and pruning stand on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from graph_distillery.bench.sweeps.spec import Search
from graph_distillery.search_spaces import JointSpace

TrialState = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """A trial as the study sees it.

    values: validation score by tuning seed, as far as it went. curve: the score so far by epochs done, of the first
    seed, where it was reported. latency_ms: of a full forward, where it is an objective.
    """

    number: int
    configuration: Mapping[str, Any]
    values: Mapping[int, float]
    state: TrialState | Literal["running"]
    curve: Mapping[int, float] = field(default_factory=dict)
    latency_ms: float | None = None

    @property
    def mean(self) -> float:
        return math.fsum(self.values.values()) / len(self.values) if self.values else math.nan


@dataclass(frozen=True)
class StudySettings:
    """What is searched in a cell, how, and for how many trials at most.

    planned: trials that proposals may count on; None where the search may be prolonged, so that what is proposed
    does not hang on how many trials there will be.
    """

    cell_id: str
    space: JointSpace
    defaults: Mapping[str, Any]
    search: Search
    trials: int
    planned: int | None = None

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.search.seeds

    def objectives(self, trial: Trial) -> tuple[float, ...]:
        """Mean validation score, and milliseconds of a full forward where the spec asks for them."""
        if "latency" in self.search.objectives:
            return trial.mean, trial.latency_ms if trial.latency_ms is not None else math.inf
        return (trial.mean,)
