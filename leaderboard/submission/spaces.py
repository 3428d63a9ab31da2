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

    The published default is a trial wherever it lies. What is reported without its method's own term must be the
    configuration that represents the row, with that term off as the plan has it. BoardError for a plan that cannot be
    read.
    """
    cells = _declared(store)
    if cells is None:
        return
    told: set[tuple[str, str]] = set()
    locked = _locked(records)
    for record in records:
        if record.kind not in ("trial", "report") or record.search is None:
            continue
        where = place_of(record)
        cell = cells.get(record.cell.id)
        if cell is None:
            problems = [f"cell {record.cell.id} is not in the store's plan"]
        elif record.search.selection == "ablated":
            problems = list(_not_ablated(record.hparams, locked.get(record.cell.id), cell["own_term"]))
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
        return {cell["id"]: _cell(cell, spaces) for cell in plan["cells"]}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BoardError(f"{path}: is no plan ({type(error).__name__}: {error})") from None


def _cell(cell: Mapping[str, Any], spaces: Mapping[str, Any]) -> dict[str, Any]:
    """What the plan says of a cell's configurations; own_term: None where its worth is not measured."""
    return {**spaces[cell["space"]], "defaults": cell["defaults"], "own_term": cell.get("own_term")}


def _locked(records: Sequence[Record]) -> dict[str, Mapping[str, Any]]:
    """By cell, the reported configuration that represents its row: the tuned one, or the only one there is."""
    rank = {"default": 0, "both": 1, "tuned": 2}
    best: dict[str, tuple[int, Mapping[str, Any]]] = {}
    for record in records:
        at = rank.get(record.search.selection or "", -1) if record.kind == "report" and record.search else -1
        if at > best.get(record.cell.id, (-1, {}))[0]:
            best[record.cell.id] = (at, record.hparams)
    return {cell: hparams for cell, (_, hparams) in best.items()}


def _not_ablated(
    hparams: Mapping[str, Any], locked: Mapping[str, Any] | None, own_term: Mapping[str, Any] | None
) -> Iterator[str]:
    """How a configuration differs from the locked one with its own term off."""
    if own_term is None or locked is None:
        yield "is reported without its own term, which the plan does not ask for"
        return
    expected = {**locked, **own_term}
    for name in sorted(expected.keys() | dict(hparams).keys()):
        if hparams.get(name) != expected.get(name):
            found, wanted = hparams.get(name), expected.get(name)
            yield f"without its own term {name} = {found!r}, where the locked configuration comes to {wanted!r}"


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
