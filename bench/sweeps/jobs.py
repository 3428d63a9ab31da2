"""What an executor carries: jobs to a worker, outcomes back. Plain data that pickles small."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from graph_distillery.bench.records import Environment, Speed
from graph_distillery.bench.sweeps.spec import Needs
from graph_distillery.bench.training.artefacts import Artefact
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.bench.training.predictions import Kept
from graph_distillery.bench.training.problem import Identity, ProblemKey

Status = Literal["ok", "pruned", "failed", "nan", "oom", "timeout"]


@dataclass(frozen=True)
class Job:
    """Run one configuration on some seeds.

    seeds: the runs' numbers, by which they are initialised. splits: the seed of a run's split where that is another.
    key: names the job among those in flight. purpose: what comes back besides the scores: `report` reads the test
    set, `teacher` brings the teacher as an artefact, `speed` measures inference; of `artefact`, which makes the one
    that `artefacts` names, the artefact alone. Either is called by the job's key. teachers: artefact ids by seed, in
    the order of the cell's teachers; artefacts: those of the method by seed and name. report_every:
    epochs between two progress reports, after each of which the job waits to be told whether to go on; 0 for none.
    timed: measure inference of the first seed's student beside its scores. predictions: what of those of a report run
    comes back. together: more jobs of purpose `speed` on the same data, which take turns with this one in so many
    `rounds`; what comes of them is in the `others` of its outcome. keeps_student: a report run's trained student comes
    back, too.
    """

    key: str
    purpose: Literal["trial", "report", "teacher", "artefact", "speed"]
    configuration: Configuration
    problem: ProblemKey
    seeds: tuple[int, ...]
    teachers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    artefacts: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    time_limit_s: float | None = None
    needs: Needs = field(default_factory=Needs)
    device: str = "cpu"
    report_every: int = 0
    timed: bool = False
    predictions: Kept = "none"
    splits: Mapping[int, int] = field(default_factory=dict)
    together: tuple[Job, ...] = ()
    rounds: int = 0
    keeps_student: bool = False
    fused: bool = False

    def split_of(self, seed: int) -> int:
        """The seed of a run's split."""
        return self.splits.get(seed, seed)

    @property
    def patience_s(self) -> float | None:
        """Seconds in which the next of its seeds is to come, or None."""
        return None if self.time_limit_s is None else self.time_limit_s * (len(self.seeds) if self.fused else 1)

    @property
    def carried(self) -> tuple[str, ...]:
        """Ids of every artefact, teachers among them, that the job is carried out with."""
        taught_by = [each for ids in self.teachers.values() for each in ids]
        own = [] if self.purpose == "artefact" else [each for ids in self.artefacts.values() for each in ids.values()]
        return tuple(
            dict.fromkeys([*taught_by, *own, *(made_id for each in self.together for made_id in each.carried)])
        )

    def in_turn_with(self, others: Sequence[Job], rounds: int) -> Job:
        """This job with others beside it; their time limits together are its own."""
        limits = [each.time_limit_s for each in (self, *others)]
        limit = None if None in limits else sum(each for each in limits if each is not None)
        return replace(self, together=tuple(others), rounds=rounds, time_limit_s=limit)


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
    """What came of one seed of a job. predictions: the bytes of a file, as `Predictions.to_bytes` has them; others:
    what came of the jobs that it was carried out with; student: the trained one, where it was asked for, or in
    `unsaved` why there is none; one_class: whether every test item was predicted alike, though they differ."""

    key: str
    seed: int
    status: Status
    error: str | None = None
    validation: Mapping[str, float] = field(default_factory=dict)
    test: Mapping[str, float] | None = None
    epochs: int = 0
    train_s: float = 0.0
    identity: Identity | None = None
    artefact: Artefact | None = None
    speed: Speed | None = None
    environment: Environment | None = None
    predictions: bytes | None = None
    others: tuple[Outcome, ...] = ()
    student: Artefact | None = None
    unsaved: str | None = None
    one_class: bool = False


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
    return replace(
        outcome,
        status="nan",
        error=why,
        validation={},
        test=None,
        artefact=None,
        speed=None,
        predictions=None,
        student=None,
    )


def configuration(method: str, variant: str, student: str | None, flat: Mapping[str, Any]) -> Configuration:
    """From the flat keys of a search space (`method.alpha`, `student.lr`) to what the engine takes."""
    parts: dict[str, dict[str, Any]] = {"method": {}, "student": {}}
    for key, value in flat.items():
        prefix, _, name = key.partition(".")
        parts[prefix][name] = value
    return Configuration(method, variant, parts["method"], student, parts["student"])
