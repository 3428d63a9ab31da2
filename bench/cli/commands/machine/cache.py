"""`distillery cache`: the teachers and artefacts that the data folder keeps for every store."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graph_distillery.bench.cli.terminal import emit, emit_json, table
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps import preflight
from graph_distillery.bench.sweeps.cache.folder import CacheFolder, Entry
from graph_distillery.bench.text import count, duration
from graph_distillery.near_names import unknown_line

ACTIONS = ("list", "clean")


def run(action: str, data: Path | None, as_json: bool) -> int:
    """List the entries, or remove them all."""
    if action not in ACTIONS:
        raise UserError(f"cache: {unknown_line('action', action, ACTIONS)}")
    folder = CacheFolder.of(preflight.data_folder(data))
    return _list(folder, as_json) if action == "list" else _clean(folder, as_json)


def _list(folder: CacheFolder, as_json: bool) -> int:
    entries = folder.entries()
    size = sum(entry.bytes for entry in entries)
    if as_json:
        rows = [_told(entry) for entry in entries]
        emit_json({"folder": str(folder.folder), "bytes": size, "limit_bytes": folder.limit, "entries": rows})
        return 0
    if entries:
        now = time.time()
        rows_ = [
            (*_names(entry), _mib(entry.bytes), f"{duration(max(now - entry.used, 0.0))} ago") for entry in entries
        ]
        columns = ("key", "kind", "what", "dataset", "split", "seed", "MiB", "used")
        emit(table(columns, rows_, right=("seed", "MiB")))
    limit = f"of {_mib(folder.limit)} at most" if folder.limit else "and it is switched off"
    emit(f"{folder.folder}: {_counted(len(entries))}, {_mib(size)} MiB {limit}")
    return 0


def _clean(folder: CacheFolder, as_json: bool) -> int:
    number, size = folder.clean()
    if as_json:
        emit_json({"folder": str(folder.folder), "removed": number, "bytes": size})
    else:
        emit(f"{folder.folder}: {_counted(number)} removed, {_mib(size)} MiB")
    return 0


def _told(entry: Entry) -> dict[str, Any]:
    """An entry, for programs; of one that cannot be read the kind is null."""
    basis: Mapping[str, Any] = entry.facts["basis"] if entry.facts else {}
    seeds = basis.get("seeds") or [None]
    return {
        "key": entry.key,
        "kind": basis.get("kind"),
        "what": basis.get("artefact") or basis.get("model"),
        "method": basis.get("method"),
        "dataset": basis.get("data", {}).get("name"),
        "split": basis.get("split"),
        "setting": basis.get("setting"),
        "seed": seeds[0],
        "hyperparameters": basis.get("settings") or basis.get("model_hyper"),
        "train_s": entry.facts.get("train_s") if entry.facts else None,
        "bytes": entry.bytes,
        "used": datetime.fromtimestamp(entry.used, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _names(entry: Entry) -> tuple[str, ...]:
    told = _told(entry)
    what = told["what"] or "-"
    if told["method"] not in (None, "supervised"):
        what += f" by {told['method']}"
    seed = "-" if told["seed"] is None else str(told["seed"])
    return entry.key[:16], told["kind"] or "unreadable", what, told["dataset"] or "-", told["split"] or "-", seed


def _ago(entry: Entry) -> str:
    return f"{duration(max(time.time() - entry.used, 0.0))} ago"


def _counted(number: int) -> str:
    return count(number, "entry") if number == 1 else f"{number:,} entries"


def _mib(size: int) -> str:
    return f"{size / 2**20:,.1f}"
