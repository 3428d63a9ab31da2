"""Ids of records: hashes of what the work was, the same on any machine."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def content_id(content: Any) -> str:
    """16 hex digits of the SHA-256 of the canonical JSON of `content`."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def work_id(cell_id: str, kind: str, trial: int | None, selection: str | None, seed: int, split_seed: int) -> str:
    """The id of the record of one seed of a trial, a report run or a speed measurement."""
    own_split = [] if split_seed == seed else [split_seed]
    return content_id([cell_id, kind, trial, selection, seed, *own_split])


def selected_id(
    cell_id: str, kind: str, selection: str | None, seed: int, split_seed: int, trials: int, hparams: dict[str, Any]
) -> str:
    """The same of a report run or a speed measurement in a store whose searches can be prolonged: what a search chose
    hangs on how many trials it had, so that with more of them it is another record."""
    own_split = [] if split_seed == seed else [split_seed]
    return content_id([cell_id, kind, None, selection, seed, trials, hparams, *own_split])


def teacher_record_id(teacher_id: str) -> str:
    """The id of the record of a trained teacher."""
    return content_id([teacher_id, "teacher"])


def next_try(record_id: str) -> str:
    """The id of the same work, done again because the record of that id failed."""
    return content_id([record_id, "again"])
