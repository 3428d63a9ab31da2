"""Runs that learned nothing: one class for every item, or a score that needs no network."""

from __future__ import annotations

from collections.abc import Mapping

from graph_distillery.bench.records.fields import Collapse
from graph_distillery.bench.records.schema import Record

#: Far below one item of any test set.
_SLACK = 1e-9


def collapse_of(metric: str, scores: Mapping[str, float]) -> Collapse | None:
    """What scores alone tell; None where they are above their floor, or the floor is not told.

    >>> collapse_of("accuracy", {"accuracy": 0.5, "largest_class": 0.5})
    'largest-class'
    """
    score = scores.get(metric)
    if score is None:
        return None
    if metric == "roc_auc":
        return "chance" if score <= 0.5 + _SLACK else None
    floor = scores.get("largest_class") if metric == "accuracy" else None
    return "largest-class" if floor is not None and score <= floor + _SLACK else None


def collapse_in(record: Record) -> Collapse | None:
    """Whether and how a run learned nothing, of an older record by its scores; not of the largest class itself."""
    if record.status != "ok" or record.kind == "speed" or record.cell.method == "majority":
        return None
    return record.collapsed or collapse_of(record.cell.metric, record.metrics.test or record.metrics.val)
