"""What is tried next: the Optuna study of a cell, kept from one proposal to the next.

A suggestion is a function of the trials that are shown and of the seed alone, whatever was suggested before: samplers
are made anew for each, the trials alone are kept. What NSGA-II would keep of its own is rebuilt by cutting the trials
into generations in the order of their numbers, and so is what CMA-ES would, with `cmaes` itself, because Optuna's
keeps a pickle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import optuna

from graph_distillery.bench.sweeps.study.samplers import as_optuna, directions, knowingly
from graph_distillery.bench.sweeps.study.trial import StudySettings, Trial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

#: Trials before TPE or a Gaussian process proposes, where Optuna has 10. Of 12 to 20 trials that would be most, and the
#: search little better than chance.
STARTUP = 5
#: Trials of a generation of NSGA-II, where Optuna has 50: searches are often shorter than that.
POPULATION = 8


class Suggestions:
    """Suggests configurations of a cell's space. The random sampler looks at no trial, and none is kept for it."""

    def __init__(self, of: StudySettings) -> None:
        self._of = of
        self._begin()

    def _begin(self) -> None:
        self._told: list[Trial] = []
        self._complete: list[Trial] = []
        with knowingly():
            self._study = optuna.create_study(directions=directions(self._of))

    def suggest(self, ended: Sequence[Trial], pending: Sequence[Trial], seed: int) -> dict[str, Any]:
        """A configuration.

        ended: trials that are over, in the order of their numbers. pending: trials of which nothing but the
        configuration is known yet, for samplers that keep away from these.
        """
        with knowingly():
            return self._suggest(list(ended), pending, seed)

    def _suggest(self, ended: list[Trial], pending: Sequence[Trial], seed: int) -> dict[str, Any]:
        if self._of.search.sampler == "random":
            return self._ask(optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)))
        self._tell(ended)
        if self._of.search.sampler == "cma-es":
            return self._with_cma(seed)
        sampler = self._study.sampler = _sampler(self._of, seed)
        if isinstance(sampler, optuna.samplers.NSGAIISampler):
            # Chosen here, and from then on kept by Optuna in another order than that in which it gives them at first.
            for generation in range(1, len(self._complete) // population(self._of) + 1):
                sampler.get_parent_population(self._study, generation)
        first = len(self._study.get_trials(deepcopy=False))
        self._study.add_trials([one for trial in pending if (one := as_optuna(self._of, trial)).distributions])
        try:
            return self._ask(self._study)
        finally:  # what fails is nothing to any sampler
            for number in range(first, len(self._study.get_trials(deepcopy=False))):
                self._study.tell(number, state=optuna.trial.TrialState.FAIL)

    def _ask(self, study: optuna.Study) -> dict[str, Any]:
        return self._of.space.suggest(study.ask())

    def _tell(self, ended: list[Trial]) -> None:
        """Add what is new. A failed trial that was tried again is another one: then all is told again."""
        if ended[: len(self._told)] != self._told:
            self._begin()
        for trial in ended[len(self._told) :]:
            frozen = as_optuna(self._of, trial)
            # A configuration that is not in the space has nothing to say about it, and as an empty trial would make
            # samplers believe that the parameters which all trials share are none.
            if frozen.distributions:
                if trial.state == "complete":
                    frozen.system_attrs = _generation(self._of, len(self._complete))
                    self._complete.append(trial)
                self._study.add_trial(frozen)
            self._told.append(trial)

    def _with_cma(self, seed: int) -> dict[str, Any]:
        """CMA-ES (Hansen, 2016) over the ranges that every configuration has, on the unit cube.

        It starts at the published default. Choices and conditional ranges have no place in it and are drawn at
        random, as Optuna's own sampler does; so is a single range, which has no covariance.
        """
        import numpy as np
        from cmaes import CMA

        space = self._of.space
        tuned = {n: p for n, p in space.parameters.items() if p.choices is None}
        ranges = {n: p for n, p in tuned.items() if not any(parent in space.parameters for parent in p.when)}
        found = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
        if len(ranges) > 1:
            size = len(ranges)
            start = np.array([p.to_unit(p.clip(self._of.defaults[name])) for name, p in ranges.items()])
            cma = CMA(np.clip(start, 0.05, 0.95), 0.25, bounds=np.array([[0.0, 1.0]] * size), seed=seed)
            told = [
                (np.array([p.to_unit(trial.configuration[name]) for name, p in ranges.items()]), -trial.mean)
                for trial in self._complete
            ]
            for first in range(0, len(told) - cma.population_size + 1, cma.population_size):
                cma.tell(told[first : first + cma.population_size])
            point = cma.ask()
            values = {name: p.from_unit(float(x)) for (name, p), x in zip(ranges.items(), point, strict=True)}
            found.enqueue_trial(values)
        return self._ask(found)


def population(study: StudySettings) -> int:
    """Trials of a generation of NSGA-II; at least four generations to a search whose number of trials is sure."""
    return POPULATION if study.planned is None else min(50, max(4, study.planned // 4))


def _generation(study: StudySettings, complete: int) -> dict[str, Any]:
    """The mark by which NSGA-II knows the generation of a trial, given how many complete ones came before it."""
    if study.search.sampler != "nsga-ii":
        return {}
    return {optuna.samplers.NSGAIISampler._get_generation_key(): complete // population(study)}


def _sampler(study: StudySettings, seed: int) -> optuna.samplers.BaseSampler:
    of = optuna.samplers
    startup = STARTUP if study.planned is None else min(10, max(2, study.planned // 3))
    match study.search.sampler:
        case "gp":
            return of.GPSampler(
                seed=seed, n_startup_trials=startup, independent_sampler=of.RandomSampler(seed=seed + 1)
            )
        case "nsga-ii":
            return of.NSGAIISampler(seed=seed, population_size=population(study))
        case _:
            if study.space.is_conditional:
                return of.TPESampler(seed=seed, multivariate=True, group=True, n_startup_trials=startup)
            return _WholeSpace(study, seed=seed, multivariate=True, n_startup_trials=startup)


class _WholeSpace(optuna.samplers.TPESampler):
    """TPE over a space without conditions, which need not be read off every trial at every proposal."""

    def __init__(self, study: StudySettings, **options: Any) -> None:
        super().__init__(**options)
        found = {name: parameter.distribution() for name, parameter in sorted(study.space.parameters.items())}
        self._whole = {name: distribution for name, distribution in found.items() if not distribution.single()}

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, BaseDistribution]:
        return self._whole
