"""A store's rows timed once more: `distillery sweep --speed-only`."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec
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
    timed = sum(record.kind == "speed" for record in before.values())
    assert [record.kind for record in new] == ["speed"] * len(new)
    methods = {record.cell.method for record in new}
    assert methods == {"kd", "glnn", "supervised", "teacher", "majority"}
    assert f"karate: {len(new)} rows timed in 7 rounds" in lines
    assert len(new) == 5 <= timed
    by = {record.cell.method: record.speed for record in new}
    assert by["kd"] == by["glnn"] == by["supervised"]  # one MLP
    assert by["kd"].rounds.rows == 3  # the MLP, the GCN and the constant
    assert len(by["kd"].rounds.request_ms) == 7
    run_sweep(plan(), store)
    assert len(read_records(store).records) == len(after)
    assert {"ids", "superseded"}.isdisjoint(each.check for each in check_submission(store).findings)
    (comparison,) = make_board(load_stores([store])).comparisons
    speeds = {row.key.method: next(iter(row.speed.values())) for row in comparison.rows}
    assert {speed.beside for speed in speeds.values()} == {3}
    assert speeds["kd"].request_low <= speeds["kd"].request_ms <= speeds["kd"].request_high


def test_there_must_be_a_store(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--speed-only: there is no store at"):
        run_sweep(plan(), tmp_path / "none", speed_only=True)
    assert not (tmp_path / "none").exists()
