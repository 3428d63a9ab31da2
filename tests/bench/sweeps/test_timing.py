"""A store's rows timed once more: `distillery sweep --speed-only`."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps.data_check import check_data
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.executors.in_process import InProcessExecutor
from graph_distillery.bench.sweeps.jobs import Job, Outcome
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.leaderboard import load_stores, make_board
from graph_distillery.leaderboard.submission import check_submission

SPEC = {
    "name": "timed",
    "datasets": ["karate"],
    "split": "random-60-20-20",
    "teachers": [{"model": "gcn", "hidden": 8, "epochs": 3}],
    "students": [{"model": "mlp", "hidden": 8, "epochs": 3}],
    "methods": ["kd", "glnn"],
    "search": {"trials": 1, "seeds": [100]},
    "report": {"seeds": 2},
}


def plan():
    return make_plan(parse_spec(SPEC, "timed.yaml"))


def test_rows_are_timed_in_turn_and_nothing_else_changes(tmp_path: Path) -> None:
    store = tmp_path / "store"
    run_sweep(plan(), store)
    before = {record.id: record for record in read_records(store).records}
    lines: list[str] = []
    run_sweep(plan(), store, speed_only=True, on_message=lines.append)
    after = {record.id: record for record in read_records(store).records}
    assert after.items() >= before.items()
    new = [record for id_, record in after.items() if id_ not in before]
    first = {record.cell.method: record.speed.rounds for record in before.values() if record.kind == "speed"}
    assert {each.rows for each in first.values()} == {3}  # the sweep's own rounds: the MLP, the GCN and the constant
    assert len(first["kd"].full_forward_ms) == 5
    timed = sum(record.kind == "speed" for record in before.values())
    assert [record.kind for record in new] == ["speed"] * len(new)
    methods = {record.cell.method for record in new}
    assert methods == {"kd", "glnn", "supervised", "teacher", "majority"}
    assert f"karate: {len(new)} rows timed in 9 rounds" in lines
    assert len(new) == 5 <= timed
    by = {record.cell.method: record.speed for record in new}
    assert by["kd"] == by["glnn"] == by["supervised"]  # one MLP
    assert by["kd"].rounds.rows == 3  # the MLP, the GCN and the constant
    assert len(by["kd"].rounds.request_ms) == 9
    run_sweep(plan(), store)
    assert len(read_records(store).records) == len(after)
    assert {"ids", "superseded"}.isdisjoint(each.check for each in check_submission(store).findings)
    (comparison,) = make_board(load_stores([store])).comparisons
    speeds = {row.key.method: next(iter(row.speed.values())) for row in comparison.rows}
    assert {speed.beside for speed in speeds.values()} == {3}
    assert speeds["kd"].request_low <= speeds["kd"].request_ms <= speeds["kd"].request_high


class DiesInTurn(InProcessExecutor):
    """Loses its worker with every job that times several rows."""

    def __init__(self, fetch) -> None:
        super().__init__(fetch)
        self.lost: list[Job] = []

    def next_event(self):
        if self._job is not None and self._job.together:
            self.lost.append(self._job)
            job, self._job = self._job, None
            return Outcome(job.key, job.seeds[0], "failed", error="its worker died"), True
        return super().next_event()


def test_rows_that_take_their_worker_along_are_timed_one_by_one(tmp_path: Path) -> None:
    with Store(tmp_path / "store", plan(), check_data(plan(), tmp_path / "store", "cpu").pins) as store:
        driver = Driver(store.plan, store)
        executor = DiesInTurn(store.artefacts.load)
        driver.run(executor)
    assert len(executor.lost) == 1
    found = [record for record in read_records(tmp_path / "store").records if record.kind == "speed"]
    assert {record.cell.method for record in found} == {"kd", "glnn", "supervised", "teacher", "majority"}
    assert {(record.status, record.speed.rounds.rows) for record in found} == {("ok", 1)}


def test_there_must_be_a_store(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--speed-only: there is no store at"):
        run_sweep(plan(), tmp_path / "none", speed_only=True)
    assert not (tmp_path / "none").exists()
