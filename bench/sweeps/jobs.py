"""What an executor carries: jobs to a worker, outcomes back. Plain data that pickles small."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from graph_distillery.bench.records import Environment, Speed
from graph_distillery.bench.sweeps.spec import Needs
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.bench.training.problem import Identity, ProblemKey
from graph_distillery.bench.training.teachers import TeacherArtefact

Status = Literal["ok", "pruned", "failed", "nan", "oom", "timeout"]


@dataclass(frozen=True)
class Job:
    """Run one configuration on some seeds.

    seeds: the runs' numbers, by which they are initialised. splits: the seed of a run's split where that is another.
    key: names the job among those in flight. purpose: what comes back besides the scores: `report` reads the test
    set, `teacher` brings the artefact, `speed` measures inference. teachers: artefact ids by seed, in the
    order of the cell's teachers. report_every:
    epochs between two progress reports, after each of which the job waits to be told whether to go on; 0 for none.
    timed: measure inference of the first seed's student beside its scores.
    """

    key: str
    purpose: Literal["trial", "report", "teacher", "speed"]
    configuration: Configuration
    problem: ProblemKey
    seeds: tuple[int, ...]
    teachers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    teacher_id: str | None = None
    time_limit_s: float | None = None
    needs: Needs = field(default_factory=Needs)
    device: str = "cpu"
    report_every: int = 0
    timed: bool = False
    splits: Mapping[int, int] = field(default_factory=dict)

    def split_of(self, seed: int) -> int:
        """The seed of a run's split."""
        return self.splits.get(seed, seed)


@dataclass(frozen=True)
class EpochReport:
    """A seed under way: its validation score so far, after `epoch` epochs and `train_s` seconds."""

    key: str
    seed: int
    epoch: int
    score: float
    train_s: float = 0.0
    environment: Environment | None = None
    identity: Identity | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of one seed of a job."""

    key: str
    seed: int
    status: Status
    error: str | None = None
    validation: Mapping[str, float] = field(default_factory=dict)
    test: Mapping[str, float] | None = None
    epochs: int = 0
    train_s: float = 0.0
    identity: Identity | None = None
    teacher: TeacherArtefact | None = None
    speed: Speed | None = None
    environment: Environment | None = None


def undefined_score(validation: Mapping[str, float], test: Mapping[str, float] | None = None) -> str | None:
    """Why scores are no record of a run: the first that is not a finite number; None where all are.

    A score can be undefined where the predictions are not: the area under the ROC curve of items of one class, say.
    """
    for part, scores in (("validation", validation), ("test", test or {})):
        for name, value in scores.items():
            if not math.isfinite(value):
                return f"{name} of the {part} items is {value}"
    return None


def finite(outcome: Outcome) -> Outcome:
    """The outcome, which is `nan` with its reason where a score of it is no finite number, whoever sent it."""
    why = undefined_score(outcome.validation, outcome.test)
    if why is None or outcome.status == "nan":
        return outcome
    return replace(outcome, status="nan", error=why, validation={}, test=None, teacher=None, speed=None)
