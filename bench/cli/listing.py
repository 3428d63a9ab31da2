"""`distillery list`: the registries as tables. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from bench.cli.text import emit, emit_json, table
from bench.data.registry import DATASETS
from bench.errors import UserError, unknown_line
from bench.models.registry import MODELS
from methods import METHODS

WHAT = ("methods", "datasets", "models", "papers")


def run(what: str, as_json: bool) -> int:
    """Print one registry."""
    if what not in WHAT:
        raise UserError(f"list: {unknown_line('registry', what, WHAT)}")
    rows = papers() if what == "papers" else [plain(entry) for entry in _registry(what)]
    if as_json:
        emit_json(rows)
    else:
        columns = _COLUMNS[what]
        emit(table(columns, [[_cell(row[name]) for name in columns] for row in rows], right=_NUMBERS))
    return 0


def _registry(what: str) -> Any:
    return {"methods": METHODS, "datasets": DATASETS, "models": MODELS}[what]


def plain(entry: Any) -> dict[str, Any]:
    """A registry entry as JSON takes it, less where its code is."""
    internal = ("target", "options", "checked")
    values = {field.name: getattr(entry, field.name) for field in fields(entry) if field.name not in internal}
    return {
        name: dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
    }


def papers() -> list[dict[str, Any]]:
    """The methods' papers, oldest first; the controls that stand in no paper are left out."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for info in sorted(METHODS, key=lambda info: (info.year, info.name)):
        if info.url:
            blank = {"paper": info.paper, "venue": info.venue, "year": info.year, "url": info.url, "methods": []}
            found.setdefault((info.paper, info.url), blank)["methods"].append(info.name)
    return list(found.values())


def _cell(value: Any) -> str:
    if value is None or value in ("", 0):
        return "-"
    if isinstance(value, (list, dict)):
        return ", ".join(str(item) for item in value) or "-"
    return str(value)


_COLUMNS = {
    "methods": ("name", "title", "venue", "year", "family", "teacher", "students", "inference", "variants", "tasks"),
    "datasets": ("name", "task", "metric", "graphs", "nodes", "edges", "features", "classes", "kind", "splits"),
    "models": ("name", "kind", "title", "venue", "year", "url"),
    "papers": ("year", "venue", "paper", "methods", "url"),
}
_NUMBERS = ("graphs", "nodes", "edges", "features", "classes")
