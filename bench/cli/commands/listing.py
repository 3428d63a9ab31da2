"""`distillery list`: the registries as tables. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from graph_distillery.bench.cli.terminal import emit, emit_json, table
from graph_distillery.bench.data.registry import DATASETS, SPLITS
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.methods import METHODS
from graph_distillery.methods.tasks.metrics import METRICS
from graph_distillery.near_names import unknown_line

WHAT = ("methods", "datasets", "models", "papers", "splits", "metrics")


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
    registries = {"methods": METHODS, "datasets": DATASETS, "models": MODELS, "splits": SPLITS, "metrics": METRICS}
    return registries[what]


def plain(entry: Any) -> dict[str, Any]:
    """A registry entry as JSON takes it, less where its code is."""
    internal = ("target", "options", "checked")
    values = {field.name: getattr(entry, field.name) for field in fields(entry) if field.name not in internal}
    return {
        name: dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
    }


def papers() -> list[dict[str, Any]]:
    """The papers of methods and of published tables, oldest first; the controls that stand in none are left out.

    tables: what `distillery reproduce` can be asked for.
    """
    from graph_distillery.bench.papers import find_tables

    found: dict[str, dict[str, Any]] = {}
    methods = [(info.year, info.name, info.paper, info.venue, info.url, "methods") for info in METHODS if info.url]
    tables = [(each.year, each.name, each.paper, each.venue, each.url, "tables") for each in find_tables(())]
    for year, name, paper, venue, url, kind in [*sorted(methods), *sorted(tables)]:
        blank = {"paper": paper, "venue": venue, "year": year, "url": url, "methods": [], "tables": []}
        found.setdefault(url, blank)[kind].append(name)
    return sorted(found.values(), key=lambda row: row["year"])


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
    "splits": ("name", "items", "title"),
    "metrics": ("name", "labels", "classes", "title"),
    "papers": ("year", "venue", "paper", "methods", "tables", "url"),
}
_NUMBERS = ("graphs", "nodes", "edges", "features", "classes")
