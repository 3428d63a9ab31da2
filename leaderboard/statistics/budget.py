"""What a search's budget buys: the best validation score so far against the number of trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_ROUNDING = 1e-9  # a cumulative chance that near to a level has reached it


@dataclass(frozen=True)
class BudgetCurve:
    """Best validation score after 1, 2, ... trials.

    ``mean`` and the 95 % interval ``low`` to ``high`` are over all orders in which the trials could have come;
    ``as_run`` is the order they did come in, None before the first trial with a score. Trials that were pruned or
    failed count as trials and give no score; an order is counted from its first trial with a score on.
    """

    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    as_run: tuple[float | None, ...]

    @property
    def trials(self) -> int:
        return len(self.mean)


def budget_curve(scores: Sequence[float | None]) -> BudgetCurve | None:
    """The curve of trials in the order they ran, None for one without a score; None where no trial has one.

    The law of the best of k trials drawn without replacement from n is known in closed form: with scores sorted
    upwards, P(best <= i-th) = C(i, k) / C(n, k). Nothing is drawn at random.
    """
    import numpy as np

    known = np.sort(np.array([score for score in scores if score is not None], dtype=float))
    if not len(known):
        return None
    n, silent = len(scores), len(scores) - len(known)
    numbers = np.arange(silent, n + 1, dtype=float)  # how many trials are no better than the i-th score, from i = 0 on
    k = np.arange(1, n + 1)[:, None]
    below = np.cumprod(np.maximum(numbers - k + 1, 0) / (n - k + 1), axis=0)
    levels = (below - below[:, :1]) / (1 - below[:, :1])
    means = np.diff(levels, axis=1) @ known
    low, high = ((levels[:, 1:] < level - _ROUNDING).sum(axis=1) for level in (0.025, 0.975))
    best: float | None = None
    as_run = []
    for score in scores:
        best = score if best is None else best if score is None else max(best, score)
        as_run.append(best)
    return BudgetCurve(tuple(means.tolist()), tuple(known[low].tolist()), tuple(known[high].tolist()), tuple(as_run))
