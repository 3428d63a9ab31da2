"""Whether a record that took over another's scores (`repeats`) has them, of the same work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graph_distillery.bench.records import Record
from graph_distillery.leaderboard.submission.findings import Finding, place_of

#: What the two share by what `repeats` means: nothing was trained for the later one.
_SHARED = ("kind", "seed", "init_seed", "teacher_seed", "hparams", "status", "metrics", "curve", "predictions_sha256")


def check_repeats(records: Sequence[Record], replaced: Sequence[Record]) -> Iterator[Finding]:
    """Refuses records whose `repeats` points to none of the store's, or to one of other work or with other scores.

    replaced: records of the store in whose place others stand; a search that went on may have left one there.
    """
    known = {record.id: record for record in (*replaced, *records)}
    told: dict[str, list[tuple[Record, str]]] = {}
    for record in records:
        if record.repeats is not None and (problem := _problem(record, known.get(record.repeats))):
            told.setdefault(place_of(record), []).append((record, problem))
    for place, found in told.items():
        record, problem = found[0]
        more = f", as {len(found) - 1} more that are wrong" if len(found) > 1 else ""
        text = f"{record.kind} {record.id} (seed {record.seed}) repeats {record.repeats}, {problem}{more}"
        yield Finding("refuse", "repeats", place, text)


def _problem(record: Record, source: Record | None) -> str:
    if source is None:
        return "which the store does not hold"
    if source.id == record.id:
        return "which is itself"
    if source.cell.id != record.cell.id or source.cell.split_seed != record.cell.split_seed:
        return "which is of another cell or split"
    for name in _SHARED:
        if getattr(source, name) != getattr(record, name):
            return f"which has another {'score' if name == 'metrics' else name}"
    return "but took time to train" if record.timings.train_s else ""
