"""Which hyperparameters mattered to a method: Optuna's fANOVA (Hutter et al., ICML 2014) over its tuning trials.

The one module of this room that knows Optuna, and only while it draws: the issue is Optuna's own evaluator, applied to
studies rebuilt from records.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench.records import Record
from leaderboard.evidence import EvidenceBook
from leaderboard.overall import Overall
from leaderboard.plots.canvas import BLUE, Picture, canvas, short
from leaderboard.rows import RANKED
from leaderboard.text import family_title

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

FEWEST_TRIALS = 8
SHOWN = 6  # hyperparameters per method
LOG_RATIO = 30  # positive values spread wider than this were drawn on a log scale


def importance_picture(overall: Overall, book: EvidenceBook, number: int) -> Picture | None:
    """Per method the mean importance over the family's cells with enough trials; None where no cell has them."""
    found: dict[str, dict[str, float]] = {}
    cells: dict[str, int] = {}
    for key in sorted({row.key for each in overall.comparisons for row in each.rows if row.role in RANKED}):
        shares = []
        for each in overall.comparisons:
            row = next((row for row in each.rows if row.key == key), None)
            share = importances(book.trials(each, row)) if row else None
            if share:
                shares.append(share)
        if shares:
            names = {name for share in shares for name in share}
            means = {name: math.fsum(share.get(name, 0.0) for share in shares) / len(shares) for name in names}
            found[key.name] = dict(sorted(means.items(), key=lambda item: (-item[1], item[0]))[:SHOWN])
            cells[key.name] = len(shares)
    if not found:
        return None
    return _draw(found, cells, overall, number)


def importances(trials: Iterable[Record]) -> dict[str, float] | None:
    """Shares of the variance of the validation score, which add up to 1; None with too few trials or no spread."""
    scores: dict[tuple[int, int], list[float]] = {}
    settings: dict[tuple[int, int], Mapping[str, Any]] = {}
    for record in trials:
        if record.search is None or record.search.trial is None or record.status not in ("ok", "pruned"):
            continue
        value = record.metrics.val.get(record.cell.metric)
        if value is not None:
            trial = (record.cell.split_seed, record.search.trial)
            scores.setdefault(trial, []).append(value)
            settings[trial] = record.hparams
    points = [(settings[trial], math.fsum(values) / len(values)) for trial, values in sorted(scores.items())]
    if len(points) < FEWEST_TRIALS or len({value for _, value in points}) < 2:
        return None
    return _fanova(points)


def _fanova(points: Sequence[tuple[Mapping[str, Any], float]]) -> dict[str, float] | None:
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


def _draw(found: dict[str, dict[str, float]], cells: dict[str, int], overall: Overall, number: int) -> Picture:
    lines = [(method, name, value) for method, shares in found.items() for name, value in shares.items()]
    with canvas(height=1.0 + 0.2 * len(lines) + 0.3 * len(found)) as board:
        place, ticks = 0.0, []
        for method, shares in found.items():
            board.axes.text(0, place, short(method), fontweight="bold", fontsize=9, va="center", ha="left")
            place += 1
            for name, value in shares.items():
                (bar,) = board.axes.barh([place], [100 * value], height=0.66, color=BLUE)
                board.mark(bar, f"{method}: {name} explains {100 * value:.0f} % over {cells[method]} cell(s)")
                ticks.append((place, short(name, 24)))
                place += 1
            place += 0.5
        board.axes.set_yticks([y for y, _ in ticks], [name for _, name in ticks])
        board.axes.set_ylim(place, -0.8)
        board.axes.set_xlim(0, 100)
        board.axes.grid(visible=False, axis="y")
        board.axes.set_xlabel("share of the variance of the validation score (%)")
        caption = (
            "Optuna's fANOVA over the tuning trials of each cell, averaged over cells. With few trials a share is a "
            f"hint and no measurement; cells under {FEWEST_TRIALS} trials are left out."
        )
        title = f"Hyperparameter importance: {family_title(overall)}"
        return board.picture(f"importance-{number}", title, caption, number)
