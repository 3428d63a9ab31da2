"""Whether configurations lie in the search spaces that a store declares in its `plan.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from graph_distillery.bench.records import Record
from graph_distillery.leaderboard.errors import BoardError
from graph_distillery.leaderboard.submission.findings import Finding, place_of

PLAN = "plan.json"


def check_spaces(store: Path, records: Sequence[Record]) -> Iterator[Finding]:
    """Findings on trials and reports outside the declared space; none for a store without a plan.

    The published default is a trial wherever it lies. BoardError for a plan that cannot be read.
    """
    cells = _declared(store)
    if cells is None:
        return
    told: set[tuple[str, str]] = set()
    for record in records:
        if record.kind not in ("trial", "report") or record.search is None:
            continue
        where = place_of(record)
        cell = cells.get(record.cell.id)
        if cell is None:
            problems = [f"cell {record.cell.id} is not in the store's plan"]
        elif dict(record.hparams) == cell["defaults"]:
            problems = []
        else:
            problems = list(_outside(record.hparams, cell))
        for problem in problems:
            if (where, problem) not in told:
                told.add((where, problem))
                yield Finding("refuse", "space", where, problem)


def _declared(store: Path) -> dict[str, dict[str, Any]] | None:
    """Parameters, fixed values and defaults of each cell, by its id."""
    path = Path(store) / PLAN
    if not path.is_file():
        return None
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
        spaces = plan["spaces"]
        return {cell["id"]: {**spaces[cell["space"]], "defaults": cell["defaults"]} for cell in plan["cells"]}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BoardError(f"{path}: is no plan ({type(error).__name__}: {error})") from None


def _outside(hparams: Mapping[str, Any], cell: Mapping[str, Any]) -> Iterator[str]:
    parameters, fixed = cell.get("parameters", {}), cell.get("fixed", {})
    for name, value in hparams.items():
        if name in parameters:
            allowed = parameters[name]
            if not _allows(allowed, value):
                yield f"{name} = {value!r} is outside its space, {_shown(allowed)}"
        elif name in fixed and fixed[name] != value:
            yield f"{name} = {value!r}, which the plan fixes at {fixed[name]!r}"


def _allows(parameter: Mapping[str, Any], value: Any) -> bool:
    if "choice" in parameter:
        return value in parameter["choice"]
    ends = parameter.get("float") or parameter.get("int")
    if ends is None or isinstance(value, bool) or not isinstance(value, int | float):
        return ends is None
    slack = 1e-9 * max(abs(ends[0]), abs(ends[1]))
    return bool(ends[0] - slack <= value <= ends[1] + slack)


def _shown(parameter: Mapping[str, Any]) -> str:
    return ", ".join(f"{kind} {parameter[kind]}" for kind in ("choice", "float", "int") if parameter.get(kind))
