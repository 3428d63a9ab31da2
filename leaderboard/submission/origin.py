"""Whether records are what a sweep writes: ids that follow from the work, nothing finished put out of the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graph_distillery.bench.records import Record
from graph_distillery.bench.records.identity import next_try, teacher_record_id, work_id
from graph_distillery.leaderboard.submission.findings import Finding, place_of

MOST_TRIES = 20


def check_origin(records: Sequence[Record], replaced: Sequence[Record]) -> Iterator[Finding]:
    """replaced: records in whose place others stand."""
    wrong: dict[str, list[Record]] = {}
    for record in records:
        if not _follows(record):
            wrong.setdefault(place_of(record), []).append(record)
    for place, found in wrong.items():
        first = found[0]
        which = f"{first.id} ({first.kind}, seed {first.seed})"
        text = f"{len(found)} record ids do not follow from their work, such as {which}"
        yield Finding("refuse", "ids", place, text)
    finished = [record for record in replaced if record.status in ("ok", "pruned")]
    for record in finished:
        text = f"record {record.id} (seed {record.seed}) is {record.status}, and another stands in its place"
        yield Finding("refuse", "superseded", place_of(record), text)


def _follows(record: Record) -> bool:
    """Whether the id is that of the work, or of one of its later tries."""
    if record.kind == "teacher":
        found = teacher_record_id(record.cell.teacher_id or "")
    else:
        search = record.search
        trial, selection = (search.trial, search.selection) if search else (None, None)
        found = work_id(record.cell.id, record.kind, trial, selection, record.seed, record.cell.split_seed)
    for _ in range(MOST_TRIES):
        if found == record.id:
            return True
        found = next_try(found)
    return False
