"""What is said of a large store by its index is what all of its records say, however far the index has come."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from graph_distillery.bench.perf.references.sweep_store import write_sweep_store
from graph_distillery.bench.records import Metrics, Record, index, parse_record, read_records
from graph_distillery.bench.records.index import INDEX, read_indexed
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store import kept_status, store
from graph_distillery.bench.sweeps.store.files import plan_of
from graph_distillery.bench.sweeps.store.kept_status import read_status
from graph_distillery.bench.sweeps.store.status import StoreStatus, cell_status, status_of
from graph_distillery.bench.sweeps.store.store import Store

RECORDS, WORTH = 600, 60


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(index, "WORTH", WORTH)
    monkeypatch.setattr(store, "WORTH", WORTH)
    write_sweep_store(tmp_path / "store", RECORDS)
    return tmp_path / "store"


def truth(place: Path, plan: Plan) -> StoreStatus:
    found = read_records(place)
    return status_of(plan, found.records, False, found.warnings)


def indexed(place: Path) -> tuple[int, int]:
    """Records in the index, and after it."""
    reading = read_indexed(place)
    assert reading is not None
    reading.close()
    return reading.indexed, len(reading.fresh.records)


def failed(record: Record) -> Record:
    """Of a teacher."""
    changes = {"status": "failed", "error": "no memory", "metrics": record.metrics.model_copy(update={"val": {}})}
    return record.model_copy(update=changes)


def held_as_read(place: Path, plan: Plan) -> set[str]:
    """Opens the store, which must hold what its records say, cell by cell; what was known of cells without that."""
    whole = read_records(place)
    with Store(place, plan) as opened:
        held, driver = opened.held, Driver(plan, opened)
        assert len(held) == len(whole.records)
        assert held.ids == {record.id for record in whole.records} | whole.superseded
        assert opened.records == whole.records
        assert held.teachers() == [record for record in whole.records if record.kind == "teacher"]
        assert held.failed() == [record for record in whole.records if record.status not in ("ok", "pruned")]
        trained = [r for r in whole.records if r.kind in ("trial", "report") and r.status == "ok"]
        assert held.seconds() == (pytest.approx(sum(r.timings.train_s for r in trained)), len(trained))
        known = {each: driver.runs.told(each) for each in driver.runs}
        over = {(each, what) for each in known for what in ("search", "all") if driver.runs.over(each, what)}
        for cell_id, run in driver.runs.items():
            assert held.of_cell(cell_id) == [record for record in whole.records if record.cell.id == cell_id]
            now, told = cell_status(run), known[cell_id]
            own = {"hindrance": None, "seconds_left": now.seconds_left}  # what a store's status takes from other cells
            assert told is None or replace(told, **own) == now
            assert (cell_id, "all") not in over or driver.finished(run)
            assert (cell_id, "search") not in over or (run.searched and run.next_search() is None)
        return {what for _, what in over}


def again(record: Record) -> tuple[Record, Record]:
    """A trial that failed, and the one that stands in its place."""
    changes = {"id": "f" * 16, "status": "failed", "error": "no memory", "metrics": Metrics()}
    return record.model_copy(update=changes), record.model_copy(update={"supersedes": ("f" * 16,)})


def test_as_a_store_grows_its_status_is_that_of_its_records(large: Path) -> None:
    """In any order, as many workers write them; now and then a reader finds the index far behind."""
    plan, draw = plan_of(large), random.Random(1)
    lines = []
    for path in sorted((large / "records").iterdir()):
        lines += [(path, line) for line in path.read_bytes().splitlines(keepends=True)]
        path.unlink()
    draw.shuffle(lines)
    of_trial = next(i for i, (path, _) in enumerate(lines) if path.name == "trial.jsonl")
    first, second = (each.to_json().encode() + b"\n" for each in again(parse_record(lines[of_trial][1])))
    lines[of_trial] = lines[of_trial][0], second
    lines.append((lines[of_trial][0], first))
    of_teacher = max(i for i, (path, _) in enumerate(lines) if path.name == "teacher.jsonl")  # lines go from the end
    path, line = lines[of_teacher]
    lines[of_teacher] = path, failed(parse_record(line)).to_json().encode() + b"\n"
    seen, states, over, hindered = set(), set(), set(), False
    while lines:
        for path, line in (lines.pop() for _ in range(min(draw.choice([1, 5, 25, 70]), len(lines)))):
            with path.open("ab") as file:
                file.write(line)
        behind = indexed(large)
        seen.add((behind[0] > 0, 0 < behind[1] < WORTH))
        found = read_status(large)
        assert found == truth(large, plan)
        assert read_status(large) == found
        if not draw.randrange(6) or not lines:
            over |= held_as_read(large, plan)
        states |= {cell.state for cell in found.cells}
        hindered |= any(cell.hindrance for cell in found.cells)
    assert seen >= {(False, True), (True, True), (True, False)}
    assert {"searching", "reporting", "done"} <= states
    assert hindered
    assert over == {"search", "all"}


def test_what_is_kept_is_read_and_counts_for_one_plan_alone(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(large)
    found = read_status(large)
    assert found == truth(large, plan)
    assert indexed(large) == (sum(1 for _ in read_records(large).records), 0)

    def unread(*_: object) -> None:
        raise AssertionError("what is kept suffices")

    with monkeypatch.context() as patch:
        patch.setattr(kept_status, "status_of", unread)
        patch.setattr(kept_status, "cells_of", unread)
        assert read_status(large) == found
    other = replace(plan, cells=tuple(replace(cell, trials=cell.trials + 1) for cell in plan.cells))
    assert read_status(large, other) == truth(large, other)
    assert read_status(large, other) != found


def test_a_store_is_opened_by_its_index_and_leaves_one(large: Path) -> None:
    plan, whole = plan_of(large), read_records(large)
    with Store(large, plan) as opened:
        assert opened.records == whole.records
        assert opened.fresh_id(whole.records[0].id) != whole.records[0].id
    assert (large / INDEX).exists()
    with Store(large, plan) as again:
        assert again.records == whole.records
        driver = Driver(plan, again)
        assert sum(driver.finished(run) for run in driver.runs.values()) == len(plan.cells) - 1
