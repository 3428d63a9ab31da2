"""One cell's search: which configuration comes next, whether to stop one early, and which one wins.

A proposal is a function of the finished trials, the trials under way, and the trial's number: the sampler is built
anew for each and seeded from those, so that a sweep that was killed proposes what it would have proposed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from graph_distillery.bench.ids import content_id
from graph_distillery.bench.sweeps.spec import Search
from graph_distillery.bench.sweeps.study import pruners, samplers
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
class Study:
    """The search of one cell, without any state of its own."""

    cell_id: str
    space: JointSpace
    defaults: Mapping[str, Any]
    search: Search
    trials: int

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.search.seeds

    def budget(self) -> int:
        """How many trials there will be: fewer than asked for when a grid or an empty space has fewer points."""
        if not self.space.parameters:
            return min(self.trials, 1)
        if self.search.sampler == "grid" and self.space.grid_size() < self.trials:  # else too large to lay out
            return min(self.trials, self.space.grid_size() + (not self._default_on_grid()))
        return self.trials

    def propose(self, number: int, known: Sequence[Trial], warm: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
        """The configuration of trial `number`, given every other trial that has begun.

        Trial 0 is the published default. Then come those of `warm`, the best of other datasets, that were not tried
        yet, on at most half of the trials; then the sampler's. The grid takes no warm starts and repeats nothing.
        """
        if number == 0:
            return dict(self.defaults)
        if self.search.sampler == "grid":
            points = self.space.grid(self.budget() + 1, int(self.cell_id, 16) % 2**31)
            fresh = [point for point in points if point != dict(self.defaults)]
            return dict(fresh[number - 1])
        tried = [dict(trial.configuration) for trial in known]
        untried = [dict(one) for one in warm if dict(one) not in tried]
        if untried and number <= self.trials // 2:
            return untried[0]
        ordered = sorted(known, key=lambda trial: trial.number)
        return samplers.suggest(self, ordered, self._seed(ordered, number))

    def _seed(self, trials: Sequence[Trial], number: int) -> int:
        seen = [[t.number, t.state, sorted(t.values.items())] for t in trials]
        return int(content_id([self.cell_id, number, seen]), 16) % 2**31

    # -- stopping early --------------------------------------------------------------------------------------------

    def next_seeds(self, trial: Trial) -> tuple[int, ...]:
        """What a trial runs next: up to the next point at which the pruner may speak."""
        left = tuple(seed for seed in self.seeds if seed not in trial.values)
        if pruners.seeds_can_race(self):
            return left[: max(1, 2 - len(trial.values))]
        return left[:1] if pruners.epochs_can_race(self) and not trial.values else left

    def report_every(self, trial: Trial) -> int:
        """Epochs between the reports of a trial's next seed; 0 where nobody would look at them."""
        return pruners.first_rung(self) if pruners.epochs_can_race(self) and not trial.values else 0

    def stops_after_seed(self, trial: Trial, known: Sequence[Trial]) -> bool:
        """Whether to stop a trial after the seeds it has; `known` are the others."""
        return pruners.loses_seed_race(self, trial, known)

    def stops_after_epoch(self, trial: Trial, epoch: int, known: Sequence[Trial]) -> bool:
        """Whether to stop a trial at a report on its first seed, which its curve holds."""
        return pruners.epochs_can_race(self) and pruners.loses_epoch_race(self, trial, epoch, known)

    # -- the winner ------------------------------------------------------------------------------------------------

    def objectives(self, trial: Trial) -> tuple[float, ...]:
        """Mean validation score, and milliseconds of a full forward where the spec asks for them."""
        if "latency" in self.search.objectives:
            return trial.mean, trial.latency_ms if trial.latency_ms is not None else math.inf
        return (trial.mean,)

    def lock(self, trials: Sequence[Trial]) -> Trial | None:
        """The winner: the best mean validation score of the complete trials; the earlier one among equals.

        With `lock: {within: x}` it is the one with the lowest latency of those at most x points below the best.
        """
        complete = [trial for trial in trials if trial.state == "complete"]
        # Rounded: equal scores such as 0.1 + 0.2 and 0.3 + 0.0 differ in the last bit, which is no reason to win.
        score = {trial.number: round(trial.mean, 12) for trial in complete}
        if self.search.lock != "accuracy":
            least = max(score.values(), default=0.0) - self.search.lock.within / 100 - 1e-12
            complete = [trial for trial in complete if score[trial.number] >= least]
            return min(complete, default=None, key=lambda t: (self.objectives(t)[1], -score[t.number], t.number))
        return min(complete, default=None, key=lambda t: (-score[t.number], *self.objectives(t)[1:], t.number))

    def pareto(self, trials: Sequence[Trial]) -> list[Trial]:
        """The complete trials that no other beats in one objective and equals in the rest, best score first."""
        complete = sorted((t for t in trials if t.state == "complete"), key=lambda t: t.number)
        costs = {t.number: (-round(t.mean, 12), *self.objectives(t)[1:]) for t in complete}

        def beaten(one: Trial) -> bool:
            mine = costs[one.number]
            return any(
                other != mine and all(a <= b for a, b in zip(other, mine, strict=True)) for other in costs.values()
            )

        return sorted((t for t in complete if not beaten(t)), key=lambda t: costs[t.number])

    def _default_on_grid(self) -> bool:
        return dict(self.defaults) in self.space.grid(self.space.grid_size(), 0)
