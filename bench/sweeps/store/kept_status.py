"""How far a store is, read off its files: by what its index keeps of an earlier look where nothing has happened since.

What an index keeps is of records up to some line, a plan and a version of the suite; of cells that later lines tell of
it is made anew.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from graph_distillery.bench.environment import suite_version
from graph_distillery.bench.records import collapse, read_records
from graph_distillery.bench.records.index import Reading, code_of, read_indexed
from graph_distillery.bench.sweeps import cell_run
from graph_distillery.bench.sweeps.plan import plan as plans
from graph_distillery.bench.sweeps.plan import stored
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store import status as statuses
from graph_distillery.bench.sweeps.store.files import plan_of
from graph_distillery.bench.sweeps.store.heartbeat import driver_at_work, read_pulse
from graph_distillery.bench.sweeps.store.status import (
    CellStatus,
    ParetoPoint,
    StoreStatus,
    TeacherStatus,
    cells_of,
    seconds_by_cell,
    status_of,
    teacher_status,
    usual_seconds,
)
from graph_distillery.bench.sweeps.study import known_trials, study, trial

_ANSWER = "status"


def read_status(path: Path, plan: Plan | None = None) -> StoreStatus:
    """The progress of a store, by its own plan or by one that goes on from it. A driver may write to it meanwhile;
    nothing is written but, of a large store, its index.

    Raises:
        UserError: it is no store, or one without a stored plan whose spec this version expands to other cells.
        RecordError: a record other than a torn last one cannot be read.
    """
    plan = plan or plan_of(path)
    driver, pulse = driver_at_work(path), read_pulse(path)
    if driver is False or (pulse is not None and not pulse.fresh):
        pulse = None  # left behind by a driver that was killed
    elif driver is None and pulse is not None:
        driver = True
    reading = read_indexed(path)
    if reading is None:
        found = read_records(path)
        return replace(status_of(plan, found.records, driver, found.warnings), pulse=pulse)
    try:
        progress = progress_of(plan, reading) or status_of(
            plan, reading.everything().records, None, reading.fresh.warnings
        )
        return replace(progress, driver=driver, pulse=pulse)
    finally:
        reading.close()


def progress_of(plan: Plan, reading: Reading) -> StoreStatus | None:
    """Of what was read; kept in the index, where there is to be one. None where there is none."""
    warnings = tuple(reading.fresh.warnings)
    if not reading.indexed and not reading.worth_keeping:
        return None
    key = _key(plan)
    kept = json.loads(reading.answers.get(_ANSWER, "null"))
    if kept is not None and kept["key"] == key and not any(record.supersedes for record in reading.fresh.records):
        if not reading.fresh.records:
            return StoreStatus(plan, None, *_told(kept), warnings)
        if not reading.worth_keeping:
            return _brought_up(plan, reading, kept)
    records = reading.everything().records
    found = status_of(plan, records, None, warnings)
    seconds = seconds_by_cell(records)
    told = {"cells": [asdict(each) for each in found.cells], "teachers": [asdict(each) for each in found.teachers]}
    reading.keep({_ANSWER: json.dumps({"key": key, **told, "seconds": seconds})})
    return found


def _brought_up(plan: Plan, reading: Reading, kept: dict[str, Any]) -> StoreStatus:
    """By the cells that something is new of, and those whose time left hangs on the others'."""
    fresh = reading.fresh.records
    cells, _ = _told(kept)
    new = {record.cell.id for record in fresh}
    for teacher in plan.teachers:
        if teacher.id in new or (teacher.search is not None and teacher.search.id in new):
            new |= {cell.id for cell in plan.searches if teacher in cell.teachers}
    seconds: dict[str, Any] = kept["seconds"]
    new |= {cell.id for cell in cells if not seconds.get(cell.id) and cell.trainings_left}
    needed = new | {teacher.id for teacher in plan.teachers}
    needed |= {teacher.search.id for teacher in plan.teachers if teacher.search is not None}
    records = reading.of(needed).records
    seconds |= {cell: each for cell, each in seconds_by_cell(records).items() if cell in needed}
    made = {each.id: each for each in cells_of(plan, records, usual_seconds(seconds), new)}
    teachers = tuple(teacher_status(teacher, plan, records) for teacher in plan.teachers)
    return StoreStatus(plan, None, tuple(made.get(c.id, c) for c in cells), teachers, tuple(reading.fresh.warnings))


def _told(kept: dict[str, Any]) -> tuple[tuple[CellStatus, ...], tuple[TeacherStatus, ...]]:
    teachers = (TeacherStatus(**{**each, "collapsed": tuple(each["collapsed"])}) for each in kept["teachers"])
    return tuple(map(_cell, kept["cells"])), tuple(teachers)


def _cell(kept: dict[str, Any]) -> CellStatus:
    pareto = tuple(ParetoPoint(**point) for point in kept["pareto"])
    collapsed = {selection: tuple(seeds) for selection, seeds in kept["collapsed"].items()}
    return CellStatus(**{**kept, "pareto": pareto, "collapsed": collapsed})


def _key(plan: Plan) -> str:
    """Names what an answer hangs on besides the records."""
    content = stored.store_plan(plan, (), suite_version()).to_json()
    return hashlib.sha256(f"{_code()} {content}".encode()).hexdigest()


@lru_cache(maxsize=1)
def _code() -> str:
    return code_of(statuses, cell_run, known_trials, study, trial, plans, collapse)
