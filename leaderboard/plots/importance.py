"""Which hyperparameters mattered to a method: Optuna's fANOVA (Hutter et al., ICML 2014) over its tuning trials.

The one module of this room that knows Optuna, and only while it draws: the issue is Optuna's own evaluator, applied to
studies rebuilt from records.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graph_distillery.leaderboard.plots.canvas import BLUE, Picture, canvas, short, short_names
from graph_distillery.leaderboard.read.rows import RANKED
from graph_distillery.leaderboard.read.runs import Trial
from graph_distillery.leaderboard.tables.overall import Overall

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

FEWEST_TRIALS = 12  # over all cells together
SHOWN = 6  # hyperparameters per method
LOG_RATIO = 30  # positive values spread wider than this were drawn on a log scale
Point = tuple[Mapping[str, Any], float]


def importance_picture(overall: Overall, number: int) -> Picture | None:
    """Per method, over the trials of all the family's cells; None where no method has enough of them."""
    found: dict[str, dict[str, float]] = {}
    counts: dict[str, int] = {}
    for key in sorted({row.key for each in overall.comparisons for row in each.rows if row.role in RANKED}):
        cells = [row.tuning.trials for each in overall.comparisons for row in each.rows if row.key == key]
        share = importances(cells)
        if share:
            found[key.name] = dict(sorted(share.items(), key=lambda item: (-item[1], item[0]))[:SHOWN])
            counts[key.name] = sum(len(standardised(trials)) for trials in cells)
    return _draw(found, counts, overall, number) if found else None


def importances(cells: Iterable[Sequence[Trial]]) -> dict[str, float] | None:
    """Shares of the variance of the validation score within cells, which add up to 1.

    Cells differ in level and spread, so scores are standardised in each. None with too few trials or no spread.
    """
    points = [point for trials in cells for point in standardised(trials)]
    if len(points) < FEWEST_TRIALS or len({value for _, value in points}) < 2:
        return None
    return _fanova(points)


def standardised(trials: Sequence[Trial]) -> list[Point]:
    """Configurations with scores of mean 0 and spread 1; trials without a score (pruned, failed) take no part."""
    known = [(trial.hparams, trial.score) for trial in trials if trial.score is not None]
    if len(known) < 2:
        return []
    centre = math.fsum(value for _, value in known) / len(known)
    spread = math.sqrt(math.fsum((value - centre) ** 2 for _, value in known) / len(known))
    return [(settings, (value - centre) / spread) for settings, value in known] if spread > 0 else []


def _fanova(points: Sequence[Point]) -> dict[str, float] | None:
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    shared = set.intersection(*(set(settings) for settings, _ in points))
    varied = sorted(name for name in shared if len({repr(settings[name]) for settings, _ in points}) > 1)
    space = {name: _distribution([settings[name] for settings, _ in points]) for name in varied}
    if not space:
        return None
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study(direction="maximize")
        for settings, value in points:
            chosen = {name: settings[name] for name in varied}
            study.add_trial(optuna.trial.create_trial(params=chosen, distributions=space, value=value))
        found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0), params=varied)
    finally:
        optuna.logging.set_verbosity(level)
    return {name: float(value) for name, value in found.items()}


def _distribution(values: Sequence[Any]) -> BaseDistribution:
    """The space that the values seen span: records name their space by hash only."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(numbers) < len(values):
        return CategoricalDistribution(sorted(set(values), key=repr))
    low, high = min(numbers), max(numbers)
    log = low > 0 and high / low > LOG_RATIO
    if all(isinstance(value, int) for value in numbers):
        return IntDistribution(int(low), int(high), log=log)
    return FloatDistribution(float(low), float(high), log=log)


def _draw(found: dict[str, dict[str, float]], counts: dict[str, int], overall: Overall, number: int) -> Picture:
    lines = [(method, name, value) for method, shares in found.items() for name, value in shares.items()]
    with canvas(height=1.0 + 0.2 * len(lines) + 0.3 * len(found)) as board:
        place, ticks = 0.0, []
        for (method, shares), label in zip(found.items(), short_names(list(found)), strict=True):
            board.axes.text(0, place, label, fontweight="bold", fontsize=9, va="center", ha="left")
            place += 1
            for name, value in shares.items():
                (bar,) = board.axes.barh([place], [100 * value], height=0.66, color=BLUE)
                board.mark(bar, f"{method}: {name} explains {100 * value:.0f} % over {counts[method]} trials")
                ticks.append((place, short(name, 24)))
                place += 1
            place += 0.5
        board.axes.set_yticks([y for y, _ in ticks], [name for _, name in ticks])
        board.axes.set_ylim(place, -0.8)
        board.axes.set_xlim(0, 100)
        board.axes.grid(visible=False, axis="y")
        board.axes.set_xlabel("share of the variance of the validation score (%)")
        caption = (
            "Optuna's fANOVA over the finished tuning trials of all cells, scores standardised within each cell. With "
            f"few trials a share is a hint and no measurement; methods under {FEWEST_TRIALS} trials are left out."
        )
        title = f"Hyperparameter importance: {overall.title}"
        return board.picture(f"importance-{number}", title, caption, number)
