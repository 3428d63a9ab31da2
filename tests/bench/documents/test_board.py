"""The board's file, its specs and its stages say the same."""

from __future__ import annotations

import pytest

from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.documents import board
from graph_distillery.bench.documents.board import BOARD, SPECS, run, stages
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records.schema import TUNED
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import read_spec
from graph_distillery.leaderboard.read.board_file import read_board_file


def test_each_stage_is_of_a_declared_track_under_the_declared_budget():
    file = read_board_file(BOARD / "board.yaml")
    assert [each.path for each in file.stores] == [f"stores/{stage.name}" for stage in stages()]
    specs = {path.stem: read_spec(path) for path in SPECS.glob("*.yaml")}
    assert {(stage.track, stage.dataset) for stage in stages()} == {
        (name, dataset) for name, spec in specs.items() for dataset in spec.datasets
    }
    covered = set()
    for stage in stages():
        plan = make_plan(stage.spec())
        (track,) = [
            track for track in file.tracks
            if stage.dataset in track.datasets and stage.track.removesuffix("-larger").removesuffix("-slow") == track.name
        ]  # fmt: skip
        covered.add((track.name, stage.dataset))
        assert (plan.spec.search.trials, plan.spec.search.seeds) == (track.search.trials, track.search.seeds)
        assert plan.spec.report.seeds == track.report.seeds
        for cell in plan.searches:
            metric = DATASETS.get(cell.data.dataset).metric
            assert track.holds(cell.data.dataset, cell.data.split, cell.data.setting, metric)
            assert cell.trials in (0, track.search.trials)
            if cell.reported and cell.method.name != "teacher":
                tuned = TUNED if any(teacher.search for teacher in cell.teachers) else ""
                assert cell.student in (None, *track.students)
                assert cell.teacher is None or f"{cell.teacher}{tuned}" in track.teachers
    assert covered == {(track.name, dataset) for track in file.tracks for dataset in track.datasets}


def test_a_stage_that_is_none_is_one_line_with_the_nearest():
    with pytest.raises(UserError, match=r"gnn-to-mlp-cor.*did you mean 'gnn-to-mlp-cora'"):
        stages(["gnn-to-mlp-cor"])


def test_a_stage_that_is_packed_is_not_run_again_in_a_new_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(board, "BOARD", tmp_path / "board")
    (stage,) = stages(["gnn-to-mlp-cora"])
    stage.packed.mkdir(parents=True)
    assert run(stage, tmp_path / "runs", 0, None)
    assert not (tmp_path / "runs").exists()
