"""Whether scores follow from predictions, as far as it can be told without the dataset; `verify --data` does the rest.

A file says which items are predicted right, so that it has to agree with the record's score and items; and every run
that is right on an item knows the item's true label, so that no two of them may disagree, nor one be wrong with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from graph_distillery.bench.records import Record, RecordError
from graph_distillery.bench.records.predictions import Predictions, read_predictions
from graph_distillery.leaderboard.read.runs import Placed
from graph_distillery.leaderboard.submission.findings import Finding, place_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SAME = 1e-9
#: Two rows whose predictions agree on so many items of every seed are the same runs but for a touch.
ALIKE = 0.998


def check_predictions(own: Sequence[Placed], board: Sequence[Placed] = ()) -> Iterator[Finding]:
    """Findings on a store's predictions, alone and beside those of a board's stores."""
    truth = _Truth()
    for record, predictions in _readable(board):
        truth.conflict(record, predictions)  # the board's own contradictions are not this store's
    runs = []
    for record, place in own:
        if record.predictions_sha256 is None:
            continue
        try:
            predictions = read_predictions(_store_of(place), record.predictions_sha256)
        except RecordError as error:
            yield Finding("refuse", "predictions", place_of(record), str(error))
            continue
        fault = _fault(record, predictions) or truth.conflict(record, predictions)
        if fault is not None:
            yield Finding("refuse", "predictions", place_of(record), f"seed {record.seed}: {fault}")
        if record.search is None or record.search.selection != "ablated":  # which is another method by its nature
            runs.append((record, predictions))
    yield from _alike(runs, list(_readable(board)))


def _store_of(place: str) -> Path:
    return Path(place.rpartition(":")[0]).parents[1]


def _readable(placed: Sequence[Placed]) -> Iterator[tuple[Record, Predictions]]:
    for record, place in placed:
        if record.predictions_sha256 is not None:
            try:
                yield record, read_predictions(_store_of(place), record.predictions_sha256)
            except RecordError:
                continue  # verify says so of a board


def _fault(record: Record, predictions: Predictions) -> str | None:
    """Why a file is not that of a record's scores and items."""
    import numpy as np

    cell, test = record.cell, record.metrics.test or {}
    items = np.sort(np.concatenate([part.items for part in predictions.parts.values()]))
    if cell.items is not None and items.size != cell.items.test:
        return f"predictions for {items.size} items, where {cell.items.test} are tested"
    digest = hashlib.sha256(f"{items.size};".encode() + items.astype("<i8").tobytes()).hexdigest()
    if cell.test_sha256 is not None and digest != cell.test_sha256:
        return "predictions for other items than those of its split"
    if cell.metric != "accuracy":
        return None
    shares = {name: _share(part.right, predictions) for name, part in predictions.parts.items()}
    scores = {name: share for name, share in shares.items() if share is not None}
    if set(scores) == {"tran", "ind"}:
        hidden = predictions.parts["ind"].items.size / items.size
        scores["all"] = hidden * scores["ind"] + (1 - hidden) * scores["tran"]
    for name, told in (("all", "accuracy"), ("tran", "tran"), ("ind", "ind")):
        if name in scores and abs(scores[name] - test.get(told, -1.0)) > _SAME:
            return f"{told} {test.get(told, float('nan')):.6g}, where its predictions give {scores[name]:.6g}"
    return None


def _share(right: NDArray[np.bool_] | None, predictions: Predictions) -> float | None:
    if right is None:
        return None
    shares = right.mean(axis=1)
    return float(shares.max() if predictions.judged_by == "best" else shares.mean())


class _Truth:
    """What runs that were right know of the items of each dataset and split."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], NDArray[np.int64]] = {}

    def conflict(self, record: Record, predictions: Predictions) -> str | None:
        """Why a run contradicts what others know; it is learned from where it does not."""
        import numpy as np

        cell = record.cell
        key = (cell.dataset_sha256, cell.node_order_sha256, cell.split)
        for part in predictions.parts.values():
            if part.labels is None or part.right is None or not part.items.size:
                continue
            known = self._known.get(key, np.empty(0, dtype=np.int64))
            missing = int(part.items.max()) + 1 - known.size
            known = np.concatenate([known, np.full(max(0, missing), -1, dtype=np.int64)])
            learned = known.copy()
            for labels, right in zip(part.labels, part.right, strict=True):
                told = learned[part.items]
                odd = (told >= 0) & (right != (labels == told))
                if odd.any():
                    item = int(part.items[np.flatnonzero(odd)[0]])
                    return f"of item {item} and {int(odd.sum()) - 1} more it says another true label than other runs"
                learned[part.items[right]] = labels[right]
            self._known[key] = learned
        return None


def _alike(own: Sequence[tuple[Record, Predictions]], board: Sequence[tuple[Record, Predictions]]) -> Iterator[Finding]:
    """Rows that are a board's row of another method but for a few items."""
    known: dict[tuple[object, ...], list[tuple[Record, Predictions]]] = {}
    for record, predictions in board:
        known.setdefault(_data_of(record), []).append((record, predictions))
    shares: dict[tuple[str, str], list[float]] = {}
    for record, predictions in own:
        for other, theirs in known.get(_data_of(record), ()):
            same = other.cell.id == record.cell.id or (other.cell.method, other.cell.variant) == (
                record.cell.method,
                record.cell.variant,
            )
            share = None if same else _agreement(predictions, theirs)
            if share is not None:
                shares.setdefault((place_of(record), place_of(other)), []).append(share)
    for (mine, twin), found in sorted(shares.items()):
        if min(found) >= ALIKE and len(found) > 1:
            text = f"its predictions are those of {twin} on {100 * min(found):.2f} % of the items of every seed"
            yield Finding("look", "copied rows", mine, text)


def _data_of(record: Record) -> tuple[object, ...]:
    c = record.cell
    return (c.dataset_sha256, c.split, c.setting, c.student, record.seed, c.split_seed)


def _agreement(one: Predictions, other: Predictions) -> float | None:
    import numpy as np

    parts = [(part, other.parts.get(name)) for name, part in one.parts.items()]
    shares = [
        float((a.labels == b.labels).mean())
        for a, b in parts
        if b is not None and a.labels is not None and b.labels is not None and np.array_equal(a.items, b.items)
        and a.labels.shape == b.labels.shape
    ]  # fmt: skip
    return min(shares) if len(shares) == len(parts) else None
