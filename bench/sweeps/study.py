"""One cell's search: which configuration comes next, whether to stop one early, and which one wins.

A proposal is a function of the finished trials, the trials under way, and the trial's number: the Optuna study is
built anew for each proposal and its sampler seeded from those, so that a sweep that was killed proposes what it
would have proposed.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bench.ids import content_id
from bench.sweeps.spec import Pruner, Sampler
from search_spaces import JointSpace, SpaceError

if TYPE_CHECKING:
    import optuna

TrialState = Literal["complete", "pruned", "failed"]

#: Optuna's WilcoxonPruner default; smaller p-values than 2^-n are out of reach of n paired seeds.
WILCOXON_P = 0.1


@dataclass(frozen=True)
class Trial:
    """A trial as the study sees it. values: validation score by tuning seed, as far as it went."""

    number: int
    configuration: Mapping[str, Any]
    values: Mapping[int, float]
    state: TrialState | Literal["running"]

    @property
    def mean(self) -> float:
        return math.fsum(self.values.values()) / len(self.values) if self.values else math.nan


@dataclass(frozen=True)
class Study:
    """The search of one cell, without any state of its own."""

    cell_id: str
    space: JointSpace
    defaults: Mapping[str, Any]
    sampler: Sampler
    pruner: Pruner
    trials: int
    seeds: tuple[int, ...]
    p_threshold: float | None = None

    def budget(self) -> int:
        """How many trials there will be: fewer than asked for when a grid or an empty space has fewer points."""
        if not self.space.parameters:
            return min(self.trials, 1)
        if self.sampler == "grid" and self.space.grid_size() < self.trials:  # else it is too large to lay out
            return min(self.trials, self.space.grid_size() + (not self._default_on_grid()))
        return self.trials

    def propose(self, number: int, known: Sequence[Trial]) -> dict[str, Any]:
        """The configuration of trial `number`, given every other trial that has begun.

        Trial 0 is the published default. It is never proposed again by the grid sampler.
        """
        if number == 0:
            return dict(self.defaults)
        if self.sampler == "grid":
            points = self.space.grid(self.budget() + 1, int(self.cell_id, 16) % 2**31)
            fresh = [point for point in points if point != dict(self.defaults)]
            return dict(fresh[number - 1])
        study = self._study(sorted(known, key=lambda trial: trial.number), number)
        return self.space.suggest(study.ask())

    def should_prune(self, trial: Trial, known: Sequence[Trial]) -> bool:
        """Whether to stop a trial after the seeds it has, compared with the best finished one on the same seeds."""
        if self.pruner == "none" or len(trial.values) >= len(self.seeds) or len(trial.values) < 2:
            return False
        finished = sorted((t for t in known if t.state == "complete"), key=lambda t: t.number)
        if not finished:
            return False
        import optuna

        with _experimental():
            pruner = optuna.pruners.WilcoxonPruner(p_threshold=self.wilcoxon_p(), n_startup_steps=2)
        study = self._study(finished, trial.number)
        return bool(pruner.prune(study, self._frozen(trial)))

    def wilcoxon_p(self) -> float:
        """The threshold of the seed-racing pruner.

        n paired seeds that all favour the best trial give p = 2^-n, so Optuna's 0.1 could never stop a trial
        before the last of 3 or 4 seeds. Unless the spec says otherwise the threshold is the larger of 0.1 and
        what a clean sweep of all seeds but the last can reach (0.25 at 3 seeds: worse on both of the first two).
        """
        if self.p_threshold is not None:
            return self.p_threshold
        return max(WILCOXON_P, 2.0 ** -(len(self.seeds) - 1) + 1e-9)

    def can_prune(self) -> bool:
        """Whether the pruner can ever act before the last seed."""
        shared = len(self.seeds) - 1
        return self.pruner != "none" and shared >= 2 and 2.0**-shared < self.wilcoxon_p()

    def lock(self, trials: Sequence[Trial]) -> Trial | None:
        """The winner: the best mean validation score of the complete trials; the earlier one among equals."""
        complete = [trial for trial in trials if trial.state == "complete"]
        # Rounded: equal scores such as 0.1 + 0.2 and 0.3 + 0.0 differ in the last bit, which is no reason to win.
        return max(complete, key=lambda trial: (round(trial.mean, 12), -trial.number), default=None)

    def _default_on_grid(self) -> bool:
        return dict(self.defaults) in self.space.grid(self.space.grid_size(), 0)

    def _study(self, trials: Sequence[Trial], number: int) -> optuna.Study:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        seen = [[t.number, t.state, sorted(t.values.items())] for t in trials]
        seed = int(content_id([self.cell_id, number, seen]), 16) % 2**31
        study = optuna.create_study(direction="maximize", sampler=self._sampler(seed))
        study.add_trials([frozen for frozen in map(self._frozen, trials) if frozen is not None])
        return study

    def _sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        import optuna

        if self.sampler == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        startup = min(10, max(2, self.trials // 3))
        with _experimental():
            return optuna.samplers.TPESampler(
                seed=seed, multivariate=True, group=self.space.is_conditional, n_startup_trials=startup
            )

    def _frozen(self, trial: Trial) -> optuna.trial.FrozenTrial:
        """The trial as Optuna keeps it; a default outside the ranges carries no parameters to learn from."""
        import optuna

        try:
            distributions = self.space.distributions(trial.configuration)
        except SpaceError:
            distributions = {}
        states = {
            "complete": optuna.trial.TrialState.COMPLETE,
            "pruned": optuna.trial.TrialState.PRUNED,
            "failed": optuna.trial.TrialState.FAIL,
            "running": optuna.trial.TrialState.RUNNING,
        }
        steps = {self.seeds.index(seed): value for seed, value in trial.values.items()}
        return optuna.trial.create_trial(
            state=states[trial.state],
            value=trial.mean if trial.state == "complete" else None,
            params={name: trial.configuration[name] for name in distributions},
            distributions=distributions,
            intermediate_values=steps,
        )


@contextmanager
def _experimental() -> Iterator[None]:
    """Optuna marks the Wilcoxon pruner and grouped TPE as experimental; both are used knowingly."""
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
