"""The simulation of a driver with many slots: what must come out whatever the machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graph_distillery.bench.perf.simulation import main, simulate
from graph_distillery.bench.sweeps.store import announcements


def test_slots_are_busy_where_trainings_are_long_and_idle_where_the_driver_is_too_slow(tmp_path: Path) -> None:
    slow = simulate(8, 80, 1e6, folder=tmp_path)
    assert (slow.trials, slow.cells, slow.slots) == (80, 1, 8)
    assert slow.busy_filled == pytest.approx(1.0, abs=1e-3)
    assert 0.6 < slow.busy < 1, "at the end fewer trainings are left than slots"
    assert slow.syncs >= 80, "each record came alone"
    fast = simulate(8, 80, 1e-6, folder=tmp_path)
    assert fast.busy < 0.01
    assert 80 / announcements.MOST_RECORDS <= fast.syncs < slow.syncs
    assert fast.per_s == pytest.approx(1e3 / (fast.cpu_ms + fast.sync_ms))
    assert not list(tmp_path.iterdir())


def test_the_command_prints_a_line_for_each_length(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--slots", "2", "--trials", "4", "--length", "1", "5", "--folder", str(tmp_path)]
    assert main(arguments) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["length_s"], each["trials"]) for each in told] == [(1.0, 4), (5.0, 4)]
