"""What is tried next. Every sampler is built anew for each proposal, seeded from the trials it is shown.

What a sampler of Optuna would keep from one proposal to the next is rebuilt from the trials: the populations of
NSGA-II by cutting them into generations in the order of their numbers, and CMA-ES likewise, with `cmaes` itself,
because Optuna's keeps a pickle.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from graph_distillery.bench.errors import UserError
from graph_distillery.search_spaces import SpaceError

if TYPE_CHECKING:
    import optuna

    from graph_distillery.bench.sweeps.study.study import Study, Trial

#: Packages that a sampler needs beyond the suite's own, and the extra that brings them.
NEEDS = {"cma-es": ("cmaes", "cma-es")}


def check_sampler(name: str) -> None:
    """Raises UserError where the sampler's package is not installed."""
    package, extra = NEEDS.get(name, (None, None))
    if package and find_spec(package) is None:
        raise UserError(
            f"search.sampler: {name} needs the package {package!r}; pip install 'graph-distillery[{extra}]'"
        )


def suggest(study: Study, trials: Sequence[Trial], seed: int) -> dict[str, Any]:
    """A configuration, given the trials in the order of their numbers."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)  # conditional parameters are sampled on their own: known
    # A configuration that is not in the space has nothing to say about it, and as an empty trial would make
    # samplers believe that the parameters which all trials share are none.
    pairs = [(trial, one) for trial in trials if (one := as_optuna(study, trial)).distributions]
    if study.search.sampler == "cma-es":
        return _with_cma(study, [trial for trial, _ in pairs if trial.state == "complete"], seed)
    frozen = [one for _, one in pairs]
    with knowingly():
        sampler = _sampler(study, seed)
    found = optuna.create_study(directions=directions(study), sampler=sampler)
    if study.search.sampler == "nsga-ii":
        frozen = _in_generations(frozen, population(study))
    found.add_trials(frozen)
    with knowingly():
        return study.space.suggest(found.ask())


def directions(study: Study) -> list[optuna.study.StudyDirection]:
    """The score is to be high, the latency low."""
    import optuna

    lower = optuna.study.StudyDirection.MINIMIZE
    return [optuna.study.StudyDirection.MAXIMIZE, *(lower for _ in study.search.objectives[1:])]


def _sampler(study: Study, seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    of, startup = optuna.samplers, min(10, max(2, study.trials // 3))
    match study.search.sampler:
        case "random":
            return of.RandomSampler(seed=seed)
        case "gp":
            return of.GPSampler(
                seed=seed, n_startup_trials=startup, independent_sampler=of.RandomSampler(seed=seed + 1)
            )
        case "nsga-ii":
            return of.NSGAIISampler(seed=seed, population_size=population(study))
        case _:
            grouped = study.space.is_conditional
            return of.TPESampler(seed=seed, multivariate=True, group=grouped, n_startup_trials=startup)


def population(study: Study) -> int:
    """Trials of a generation: at least four generations to a search, Optuna's 50 at most."""
    return min(50, max(4, study.trials // 4))


def _in_generations(trials: Sequence[Any], size: int) -> list[Any]:
    """The complete trials as NSGA-II would have labelled them, one generation after another."""
    import optuna

    key, complete = optuna.samplers.NSGAIISampler._get_generation_key(), 0
    for trial in trials:
        if trial.state == optuna.trial.TrialState.COMPLETE:
            trial.system_attrs = {key: complete // size}
            complete += 1
    return list(trials)


def _with_cma(study: Study, complete: Sequence[Trial], seed: int) -> dict[str, Any]:
    """CMA-ES (Hansen, 2016) over the ranges that every configuration has, on the unit cube.

    It starts at the published default. Choices and conditional ranges have no place in it and are drawn at random,
    as Optuna's own sampler does; so is a single range, which has no covariance.
    """
    import numpy as np
    import optuna
    from cmaes import CMA

    ranges = {
        name: p for name, p in study.space.parameters.items() if p.choices is None and not _tuned_parents(study, name)
    }
    found = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    if len(ranges) > 1:
        size = len(ranges)
        start = np.array([p.to_unit(study.defaults[name]) for name, p in ranges.items()])
        cma = CMA(np.clip(start, 0.05, 0.95), 0.25, bounds=np.array([[0.0, 1.0]] * size), seed=seed)
        told = [
            (np.array([p.to_unit(trial.configuration[name]) for name, p in ranges.items()]), -trial.mean)
            for trial in complete
        ]
        for first in range(0, len(told) - cma.population_size + 1, cma.population_size):
            cma.tell(told[first : first + cma.population_size])
        point = cma.ask()
        values = {name: p.from_unit(float(x)) for (name, p), x in zip(ranges.items(), point, strict=True)}
        found.enqueue_trial(values)
    return study.space.suggest(found.ask())


def _tuned_parents(study: Study, name: str) -> bool:
    return any(parent in study.space.parameters for parent in study.space.parameters[name].when)


def as_optuna(study: Study, trial: Trial) -> optuna.trial.FrozenTrial:
    """The trial as Optuna keeps it; a configuration outside the space carries no parameters to learn from.

    Steps are seeds, or epochs of the first one, whichever the pruner looks at.
    """
    import optuna

    try:
        distributions = study.space.distributions(trial.configuration)
    except SpaceError:
        distributions = {}
    states = {
        "complete": optuna.trial.TrialState.COMPLETE,
        "pruned": optuna.trial.TrialState.PRUNED,
        "failed": optuna.trial.TrialState.FAIL,
        "running": optuna.trial.TrialState.RUNNING,
    }
    steps: Mapping[int, float] = trial.curve or {study.seeds.index(s): value for s, value in trial.values.items()}
    several = len(study.search.objectives) > 1
    return optuna.trial.create_trial(
        state=states[trial.state],
        values=list(study.objectives(trial)) if trial.state == "complete" else None,
        params={name: trial.configuration[name] for name in distributions},
        distributions=distributions,
        intermediate_values={} if several else dict(steps),
    )


@contextmanager
def knowingly() -> Iterator[None]:
    """Optuna marks the Wilcoxon pruner, grouped TPE and others as experimental; all are used knowingly."""
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
