"""When a trial stops early: seeds race against the best trial's, or epochs of the first tuning seed against others'.

Each verdict is a function of the trials as the records tell them. Over epochs, the first tuning seed alone races: all
trials see the same split and draws there, and a trial that survives it runs its other seeds whole, so that what is
compared at the end are complete trials.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence

from graph_distillery.bench.sweeps.study.samplers import as_optuna, knowingly
from graph_distillery.bench.sweeps.study.trial import StudySettings, Trial
from graph_distillery.search_spaces.values import is_number

#: Those that judge reports on the way through the first seed.
OVER_EPOCHS = ("median", "asha", "hyperband")
#: WilcoxonPruner's default in Optuna; smaller p-values than 2^-n are out of reach of n paired seeds.
WILCOXON_P = 0.1
#: Complete trials before the median says anything, as in Optuna.
MEDIAN_STARTUP = 5
#: Rungs that there are by default: the first is R / eta^3.
RUNGS = 3


# -- seeds ---------------------------------------------------------------------------------------------------------


def wilcoxon_p(study: StudySettings) -> float:
    """The threshold of the seed-racing pruner.

    n paired seeds that all favour the best trial give p = 2^-n, so Optuna's 0.1 could never stop a trial
    before the last of 3 or 4 seeds. Unless the spec says otherwise the threshold is the larger of 0.1 and
    what a clean sweep of all seeds but the last can reach (0.25 at 3 seeds: worse on both of the first two).
    """
    if study.search.p_threshold is not None:
        return study.search.p_threshold
    return max(WILCOXON_P, 2.0 ** -(len(study.seeds) - 1) + 1e-9)


def seeds_can_race(study: StudySettings) -> bool:
    """Whether seed-racing can ever act before the last seed."""
    shared = len(study.seeds) - 1
    return study.search.pruner == "seed-racing" and shared >= 2 and 2.0**-shared < wilcoxon_p(study)


def loses_seed_race(study: StudySettings, trial: Trial, known: Sequence[Trial]) -> bool:
    """Whether a trial stops after the seeds it has: Wilcoxon's test against the best finished one on the same seeds."""
    if study.search.pruner != "seed-racing" or not 2 <= len(trial.values) < len(study.seeds):
        return False
    finished = [one for one in known if one.state == "complete"]
    if not finished:
        return False
    import optuna

    with knowingly():
        pruner = optuna.pruners.WilcoxonPruner(p_threshold=wilcoxon_p(study), n_startup_steps=2)
    race = optuna.create_study(direction="maximize")
    race.add_trial(as_optuna(study, max(finished, key=lambda one: one.mean)))  # the others play no part
    return bool(pruner.prune(race, as_optuna(study, trial)))


# -- epochs --------------------------------------------------------------------------------------------------------


def most_epochs(study: StudySettings) -> int:
    """The longest training in the space; 0 for a method that has no epochs."""
    tuned = study.space.parameters.get("student.epochs")
    if tuned is None:
        return int(study.defaults.get("student.epochs") or 0)
    return int(max(choice for choice in tuned.choices if is_number(choice)) if tuned.choices else tuned.bounds[1])


def first_rung(study: StudySettings) -> int:
    """Epochs to the first rung, and between the reports of a trial."""
    search = study.search
    return search.min_epochs or max(1, math.ceil(most_epochs(study) / search.reduction_factor**RUNGS))


def rungs(study: StudySettings) -> list[int]:
    """The epochs r, r eta, r eta^2, ... at which successive halving compares, below the longest training."""
    found, rung, most = [], first_rung(study), most_epochs(study)
    while rung < most:
        found.append(rung)
        rung *= study.search.reduction_factor
    return found


def epochs_can_race(study: StudySettings) -> bool:
    return study.search.pruner in OVER_EPOCHS and bool(rungs(study))


def bracket(study: StudySettings, number: int) -> int:
    """The bracket of a trial: how many rungs, from the first, it is not judged at.

    ASHA has bracket 0 alone. Hyperband has one more than there are rungs, and its trials are spread over them in
    Optuna's proportions, ceil(B eta^s / (s + 1)) where s rungs judge, in an order that the cell's id shuffles.
    """
    if study.search.pruner != "hyperband":
        return 0
    brackets, eta = len(rungs(study)) + 1, study.search.reduction_factor
    cycle = [
        index
        for index in range(brackets)
        for _ in range(math.ceil(brackets * eta ** (brackets - 1 - index) / (brackets - index)))
    ]
    turn, place = divmod(number, len(cycle))
    random.Random(f"{study.cell_id} {turn}").shuffle(cycle)
    return cycle[place]


def reached(trial: Trial, epoch: int, seed: int) -> float | None:
    """What a trial had after so many epochs of its first seed; one that had ended by itself, what it ended with."""
    if epoch in trial.curve:
        return trial.curve[epoch]
    return trial.values.get(seed) if trial.state == "complete" else None


def loses_epoch_race(study: StudySettings, trial: Trial, epoch: int, known: Sequence[Trial]) -> bool:
    """Whether a trial stops at a report, given those it is compared with; of these, failed ones are no competition.

    median: below the median of the complete trials at this epoch (Golovin et al., KDD 2017), after five of them.
    asha: at a rung, not among the best 1/eta of those that have come to it (Li et al., MLSys 2020, with Optuna's and
    Ray's rule of stopping at once instead of waiting for promotion); the best always goes on.
    hyperband: the same within a bracket (Li et al., JMLR 2018), each bracket beginning a rung later.
    """
    own = trial.curve[epoch]
    rivals = [one for one in known if one.state != "failed"]
    if study.search.pruner == "median":
        scores = _scores([t for t in rivals if t.state == "complete"], epoch, study)
        return len(scores) >= MEDIAN_STARTUP and _below(own, statistics.median(scores))
    mine = bracket(study, trial.number)
    if epoch not in rungs(study)[mine:]:
        return False
    there = [trial for trial in rivals if bracket(study, trial.number) == mine]
    scores = [*_scores(there, epoch, study), own]
    promoted = max(1, len(scores) // study.search.reduction_factor)
    return _below(own, sorted(scores, reverse=True)[promoted - 1])


def _below(one: float, other: float) -> bool:
    """Beyond what rounding alone may do to equal scores."""
    return round(one, 12) < round(other, 12)


def _scores(trials: Sequence[Trial], epoch: int, study: StudySettings) -> list[float]:
    found = (reached(trial, epoch, study.seeds[0]) for trial in trials)
    return [score for score in found if score is not None]
