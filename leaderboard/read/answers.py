"""Which test items the rows of a table have right, item by item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from graph_distillery.bench.records import RecordError
from graph_distillery.bench.records.predictions import has_predictions, read_predictions
from graph_distillery.leaderboard.errors import BoardError
from graph_distillery.leaderboard.read.runs import KeptPredictions, Replicate, Result

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SAME = 1e-9


def right_answers(results: Sequence[Result], runs: Sequence[Replicate]) -> list[NDArray[np.float64]] | None:
    """Of each result [runs, items]: 1 where an item is right, in one order of items; of several students a share.

    None where a run of one has no predictions, or not for the same items, or where the best of several students stands
    for them, whose score is no mean over items. BoardError where a file is not what its record says.
    """
    import numpy as np

    found, items = [], None
    for result in results:
        rows = []
        for run in runs:
            kept = result.predictions.get(run)
            told = None if kept is None else _right(kept)
            if told is None:
                return None
            numbers, right = told
            if items is None:
                items = numbers
            if not np.array_equal(numbers, items):
                return None
            if abs(float(right.mean()) - result.test[run]) > _SAME:
                return None  # a score that weighs its parts, or is another one; `submit` tells of those that lie
            rows.append(right)
        found.append(np.stack(rows))
    return found if items is not None and items.size else None


def _right(kept: KeptPredictions) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Item numbers, ascending, and the share of predictions that have each right."""
    import numpy as np

    if not has_predictions(kept.store, kept.sha256):
        return None
    try:
        predictions = read_predictions(kept.store, kept.sha256)
    except RecordError as error:
        raise BoardError(str(error)) from None
    parts = list(predictions.parts.values())
    rights = [part.right for part in parts if part.right is not None]
    if len(rights) < len(parts) or (predictions.judged_by == "best" and any(len(right) > 1 for right in rights)):
        return None
    numbers = np.concatenate([part.items for part in parts])
    shares = np.concatenate([right.mean(axis=0) for right in rights])
    order = np.argsort(numbers)
    return numbers[order], shares[order]
