"""Warm starts: what won for the same method, student and teacher on other datasets, in this store or in others.

Within a plan the order of the datasets matters: a cell learns from those before it, and waits until their searches are
over.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Record, RecordError, read_records
from graph_distillery.bench.sweeps.cell_run import CellRun
from graph_distillery.bench.sweeps.plan.plan import Cell
from graph_distillery.bench.sweeps.spec import Spec
from graph_distillery.search_spaces import JointSpace, SpaceError


@dataclass(frozen=True)
class Kind:
    """What two cells must share for the one to learn from the other."""

    method: str
    variant: str
    teacher: str | None
    student: str


@dataclass(frozen=True)
class Winner:
    """The best configuration of a cell elsewhere."""

    kind: Kind
    dataset: str
    configuration: Mapping[str, Any]


#: In the store that learns: what the stores of `transfer_from` held when it was begun.
_KEPT = "transfer.json"
_WINNERS = TypeAdapter(list[Winner])


def read_winners(spec: Spec, store: Path) -> list[Winner]:
    """Of the stores that the spec names, in their order; once a store was begun, what was kept in it of them.

    Raises:
        UserError: one is no store, or cannot be read; names the field and the store.
    """
    from graph_distillery.bench.sweeps.store.files import read_facts

    kept = store / _KEPT
    if spec.search.transfer_from and kept.exists():
        try:
            return _WINNERS.validate_json(kept.read_bytes())
        except (OSError, ValidationError) as error:
            raise UserError(f"{kept}: cannot be read: {_line(error)}") from None
    found: list[Winner] = []
    for name in spec.search.transfer_from:
        try:
            read_facts(Path(name))
            found += winners(read_records(Path(name)).records)
        except (UserError, RecordError) as error:
            raise UserError(f"search.transfer_from: {error}") from None
    return found


def keep_winners(spec: Spec, store: Path) -> list[Winner]:
    """The same, kept in the store from now on: other stores may grow, and a resumed sweep proposes as it began."""
    from graph_distillery.bench.sweeps.store.files import write_whole

    found = read_winners(spec, store)
    if spec.search.transfer_from and not (store / _KEPT).exists():
        try:
            write_whole(store / _KEPT, _WINNERS.dump_json(found, indent=1).decode())
        except OSError as error:
            raise UserError(f"{store}: cannot be written: {error.strerror or error}") from None
    return found


def winners(records: Iterable[Record]) -> list[Winner]:
    """The complete trial with the best mean validation score of each cell; the earlier one among equals."""
    trials: dict[str, dict[int, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        if record.kind == "trial" and record.search and record.search.trial is not None:
            trials[record.cell.id][record.search.trial].append(record)
    found = []
    for of_cell in trials.values():
        seeds = max(len(group) for group in of_cell.values())
        complete = {
            number: sum(record.metrics.val[record.cell.metric] for record in group) / seeds
            for number, group in of_cell.items()
            if len(group) == seeds and all(record.status == "ok" for record in group)
        }
        if complete:
            best = min(complete, key=lambda number: (-round(complete[number], 12), number))
            one = of_cell[best][0]
            kind = Kind(one.cell.method, one.cell.variant, one.cell.teacher, one.cell.student)
            found.append(Winner(kind, one.cell.dataset, one.hparams))
    return found


def warm_starts(cell: Cell, runs: Mapping[str, CellRun], elsewhere: Sequence[Winner]) -> list[dict[str, Any]]:
    """Configurations of the cell's space that won on other datasets: of this plan in its order, then of the stores."""
    kind, sources = _kind(cell), list[Winner]()
    for run in sources_of(cell, runs):
        winner = run.locked() if run.searched else None
        if winner is not None:
            sources.append(Winner(kind, run.cell.data.dataset, winner.configuration))
    found: list[dict[str, Any]] = []
    for source in [*sources, *elsewhere]:
        if source.kind == kind and source.dataset != cell.data.dataset:
            fitted = _fitted(cell.space, source.configuration)
            if fitted is not None and fitted not in found:
                found.append(fitted)
    return found


def sources_of(cell: Cell, runs: Mapping[str, CellRun]) -> list[CellRun]:
    """The searches of this plan that the cell learns from: those before it, of other datasets."""
    before = itertools.takewhile(lambda run: run.cell.id != cell.id, runs.values())
    return [
        run
        for run in before
        if run.budget
        and run.cell.reported == cell.reported
        and run.cell.data.dataset != cell.data.dataset
        and _kind(run.cell) == _kind(cell)
    ]


def _kind(cell: Cell) -> Kind:
    return Kind(cell.method.name, cell.variant, cell.teacher, cell.student or cell.teacher or "none")


def _fitted(space: JointSpace, configuration: Mapping[str, Any]) -> dict[str, Any] | None:
    """The tuned values with what is fixed here; None where that is no configuration of this space."""
    tuned = {name: configuration[name] for name in space.parameters if name in configuration}
    values = {**space.fixed, **tuned}
    try:
        space.active(values)
    except SpaceError:
        return None
    return values


def _line(error: Exception) -> str:
    return str(error.errors()[0]["msg"]) if isinstance(error, ValidationError) else str(error)
