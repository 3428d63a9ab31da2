"""Trials as Optuna keeps them, and what its samplers need beside the suite's own packages."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.study.trial import StudySettings, Trial
from graph_distillery.search_spaces import SpaceError

if TYPE_CHECKING:
    import optuna

#: Packages that a sampler needs beyond the suite's own, and the extra that brings them.
NEEDS = {"cma-es": ("cmaes", "cma-es")}


def check_sampler(name: str) -> None:
    """Raises UserError where the sampler's package is not installed."""
    package, extra = NEEDS.get(name, (None, None))
    if package and find_spec(package) is None:
        raise UserError(f"search.sampler: {name} needs the package {package!r}; pip install '.[{extra}]' in a checkout")


def directions(study: StudySettings) -> list[optuna.study.StudyDirection]:
    """The score is to be high, the latency low."""
    import optuna

    lower = optuna.study.StudyDirection.MINIMIZE
    return [optuna.study.StudyDirection.MAXIMIZE, *(lower for _ in study.search.objectives[1:])]


def as_optuna(study: StudySettings, trial: Trial) -> optuna.trial.FrozenTrial:
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
    """Optuna marks the Wilcoxon pruner, grouped TPE and others as experimental; all are used knowingly, and so are
    samplers that draw conditional parameters on their own."""
    import optuna

    if optuna.logging.get_verbosity() != optuna.logging.ERROR:  # setting it empties every logger's cache
        optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
