"""Whether records are what a sweep writes: ids that follow from the work, nothing finished put out of the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graph_distillery.bench.records import Record
from graph_distillery.bench.records.identity import next_try, selected_id, teacher_record_id, work_id
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
    chosen: dict[str, Record] = {}
    for record in records:
        if record.init_seed not in (None, record.seed) or record.teacher_seed not in (None, record.cell.split_seed):
            chosen.setdefault(place_of(record), record)
    for place, record in chosen.items():
        text = f"seed {record.seed} starts from seed {record.init_seed}, and its teacher from {record.teacher_seed}"
        yield Finding("refuse", "seeds", place, text)
    for record in replaced:
        if record.status not in ("ok", "pruned") or _grown_over(record, records):
            continue
        text = f"record {record.id} (seed {record.seed}) is {record.status}, and another stands in its place"
        yield Finding("refuse", "superseded", place_of(record), text)


def _grown_over(old: Record, records: Sequence[Record]) -> bool:
    """Whether a report or speed was selected out of fewer trials than what stands in its place: a prolonged search.

    Where the same configuration won again nothing was trained, so that a report has the scores that it had.
    """
    standing = next((record for record in records if old.id in (record.supersedes or ())), None)
    if standing is None or standing.search is None or old.search is None or old.kind not in ("report", "speed"):
        return False
    if old.kind == "report" and old.hparams == standing.hparams and old.metrics != standing.metrics:
        return False
    return old.search.trials < standing.search.trials


def _follows(record: Record) -> bool:
    """Whether the id is that of the work, or of one of its later tries."""
    cell, search = record.cell, record.search
    trial, selection = (search.trial, search.selection) if search else (None, None)
    if record.kind == "teacher":
        possible = [teacher_record_id(cell.teacher_id or "")]
    else:
        possible = [work_id(cell.id, record.kind, trial, selection, record.seed, cell.split_seed)]
    if search is not None and record.kind in ("report", "speed"):
        trials, hparams = search.trials, dict(record.hparams)
        possible.append(selected_id(cell.id, record.kind, selection, record.seed, cell.split_seed, trials, hparams))
    for found in possible:
        for _ in range(MOST_TRIES):
            if found == record.id:
                return True
            found = next_try(found)
    return False
