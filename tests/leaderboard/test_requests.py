"""Which row answers a request best: each table on the machine that timed most of its requests."""

from __future__ import annotations

from graph_distillery.leaderboard import Loaded, make_board
from graph_distillery.leaderboard.findings.latency import latency_table
from graph_distillery.leaderboard.tables.requests import timed_data

HERE, THERE = "1" * 16, "2" * 16


def timed(make_record, make_runs, dataset, machine, best):
    """Three rows of a dataset, all of them timed on one machine."""
    records = []
    for method, score in (("supervised", 0.5), ("kd", 0.7), (best, 0.9)):
        records += make_runs(method, [score, score], dataset=dataset)
        records.append(make_record(method, kind="speed", speed=2.0, dataset=dataset, fingerprint=machine))
    return records


def board_of(records):
    records = sorted(records, key=lambda record: record.id)
    return make_board(Loaded(records, [f"report.jsonl:{n}" for n, _ in enumerate(records, 1)], []))


def test_a_dataset_that_was_timed_elsewhere_is_told_with_its_machine(make_record, make_runs):
    records = timed(make_record, make_runs, "cora", HERE, "glnn") + timed(make_record, make_runs, "texas", THERE, "krd")
    board = board_of(records)
    assert {each.dataset: each.machine for each in timed_data(board)} == {"cora": HERE, "texas": THERE}
    header, *lines = [line for line in "\n".join(latency_table(board)).splitlines() if line.startswith("|")]
    assert "machine" in header
    told = {name: [line for line in lines if name in line] for name in ("cora", "texas")}
    assert ["glnn" in told["cora"][0], HERE[:12] in told["cora"][0], len(told["cora"])] == [True, True, 1]
    assert ["krd" in told["texas"][0], THERE[:12] in told["texas"][0], len(told["texas"])] == [True, True, 1]


def test_one_machine_for_all_needs_no_name(make_record, make_runs):
    records = timed(make_record, make_runs, "cora", HERE, "glnn") + timed(make_record, make_runs, "texas", HERE, "krd")
    again = make_record("kd", kind="speed", speed=1.0, dataset="cora", fingerprint=THERE)
    board = board_of([*records, again])  # one row of three on another machine as well
    assert {each.machine for each in timed_data(board)} == {HERE}
    assert "machine" not in "\n".join(latency_table(board))


def test_tables_of_one_dataset_that_were_timed_on_two_machines_stand_apart(make_record, make_runs):
    """Their latencies are not compared, and neither hides the other's best row."""
    mlps = timed(make_record, make_runs, "cora", HERE, "glnn")
    gnns = [record.model_copy(update={"cell": record.cell.model_copy(update={"student": "gcn", "id": "9" * 16})})
            for record in make_runs("krd", [0.95, 0.95])]  # fmt: skip
    speed = make_record("krd", kind="speed", speed=2.0, fingerprint=THERE)
    gnns.append(speed.model_copy(update={"cell": gnns[0].cell, "id": "9" * 16}))
    found = timed_data(board_of(mlps + gnns))
    leaders = {each.machine: each.leader_under(None) for each in found}
    assert {machine: leader and leader.name for machine, leader in leaders.items()} == {HERE: "glnn", THERE: "krd"}
