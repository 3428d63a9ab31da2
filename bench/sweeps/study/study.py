"""One cell's search: which configuration comes next, whether to stop one early, and which one wins.

What is asked of trial n is answered from the trials up to n - lag, which all have ended, and from the configurations of
the others before n. So a sweep proposes and stops the same trials however many workers it has and however often it was
killed.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from graph_distillery.bench.ids import content_id
from graph_distillery.bench.sweeps.study import pruners
from graph_distillery.bench.sweeps.study.trial import StudySettings, Trial

if TYPE_CHECKING:
    from graph_distillery.bench.sweeps.study.suggestions import Suggestions

#: How often a sampler is asked for a configuration that was not tried.
ATTEMPTS = 4


class Study(StudySettings):
    """The search of one cell. What it answers hangs on what it is asked alone; Optuna's study is kept for speed."""

    @cached_property
    def _suggestions(self) -> Suggestions:
        from graph_distillery.bench.sweeps.study.suggestions import Suggestions  # Optuna: slow to load

        return Suggestions(self)

    def budget(self) -> int:
        """How many trials there will be: fewer than asked for where the space, or its grid, has fewer points."""
        if self.search.sampler == "grid":
            size = self.space.grid_size()
            if size >= self.trials:  # maybe too large to lay out
                return self.trials
            return min(self.trials, size + (dict(self.defaults) not in self.space.grid(size, 0)))
        points = self.space.size()
        if points is None or points >= self.trials:
            return self.trials
        return min(self.trials, points + (not self.space.holds(self.defaults)))

    def may_begin(self, number: int, known: Sequence[Trial]) -> bool:
        """Whether every trial that trial `number` looks at has ended; `known` are those that have begun."""
        ended = {trial.number for trial in known if trial.state != "running"}
        return all(earlier in ended for earlier in range(self.waits_for(number)))

    def waits_for(self, number: int) -> int:
        """Trial `number` looks at those before this one, which must have ended; 0 where it looks at no result."""
        looks = self.search.sampler not in ("random", "grid") or self.search.pruner != "none"
        return max(0, number - self.search.lag + 1) if looks else 0

    def _looked_at(self, number: int, known: Sequence[Trial]) -> list[Trial]:
        """The trials whose results trial `number` may know, in the order of their numbers."""
        last = number - self.search.lag
        ended = (trial for trial in known if trial.number <= last and trial.state != "running")
        return sorted(ended, key=lambda trial: trial.number)

    def propose(self, number: int, known: Sequence[Trial], warm: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
        """The configuration of trial `number`, given the trials that have begun, all before it among them.

        Trial 0 is the published default. Those of `warm`, the best of other datasets, that were not tried yet come
        on every other trial, so that they are at most half of any number; the rest are the sampler's. The grid takes
        no warm starts and repeats nothing. Any other sampler that repeats an earlier trial is asked again; in the end
        a point that is left stands in, where the space has an end.
        """
        if number == 0:
            return dict(self.defaults)
        if self.search.sampler == "grid":
            points = self.space.grid(self.budget() + 1, int(self.cell_id, 16) % 2**31)
            fresh = [point for point in points if point != dict(self.defaults)]
            return dict(fresh[number - 1])
        earlier = sorted((trial for trial in known if trial.number < number), key=lambda trial: trial.number)
        tried = [dict(trial.configuration) for trial in earlier]
        untried = [dict(one) for one in warm if dict(one) not in tried]
        if untried and (number % 2 == 1 if self.planned is None else number <= self.planned // 2):
            return untried[0]
        ended = self._looked_at(number, earlier)
        told = {trial.number for trial in ended}
        pending = [Trial(t.number, t.configuration, {}, "running") for t in earlier if t.number not in told]
        for attempt in range(ATTEMPTS):
            found = self._suggestions.suggest(ended, pending, self._seed(number, attempt))
            if found not in tried:
                return found
        return self._untried(tried, self._seed(number, ATTEMPTS)) or found

    def _untried(self, tried: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any] | None:
        """A point at random of those left; None where there is no end of them, or none is left."""
        size = self.space.size()
        if size is None:
            return None
        numbers = random.Random(seed).sample(range(size), min(size, len(tried) + 1))  # of these one is untried
        return next((point for number in numbers if (point := self.space.point(number)) not in tried), None)

    def _seed(self, number: int, attempt: int) -> int:
        return int(content_id([self.cell_id, number, attempt]), 16) % 2**31

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
        return pruners.loses_seed_race(self, trial, self._looked_at(trial.number, known))

    def stops_after_epoch(self, trial: Trial, epoch: int, known: Sequence[Trial]) -> bool:
        """Whether to stop a trial at a report on its first seed, which its curve holds."""
        if not pruners.epochs_can_race(self):
            return False
        return pruners.loses_epoch_race(self, trial, epoch, self._looked_at(trial.number, known))

    # -- the winner ------------------------------------------------------------------------------------------------

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
