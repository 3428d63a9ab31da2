"""The board's file, its specs and its stages say the same."""

from __future__ import annotations

import itertools
import signal
import sys
from collections.abc import Callable

import pytest

from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.documents import board
from graph_distillery.bench.documents.board import BOARD, SPECS, stages
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import read_records
from graph_distillery.bench.records.schema import TUNED
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import read_spec
from graph_distillery.bench.sweeps.store.kept_status import read_status
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.training.engine import train
from graph_distillery.bench.training.fused import seeds
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
        name = stage.track.removesuffix("-larger").removesuffix("-slow")
        (track,) = [track for track in file.tracks if stage.dataset in track.datasets and track.name == name]
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


SPEC = """
name: small
datasets: [karate]
split: random-60-20-20
teachers: [{model: gcn, hidden: 4, epochs: 3}]
students: [{model: mlp, hidden: 4, epochs: 3}]
methods: [kd]
search: {sampler: random, pruner: none, trials: 2, seeds: [100, 101]}
report: {seeds: 2}
"""


@pytest.fixture
def stage(tmp_path, monkeypatch) -> board.Stage:
    """One search on karate, that `called` carries out."""
    monkeypatch.setattr(board, "BOARD", tmp_path / "board")
    monkeypatch.setattr(board, "SPECS", tmp_path)
    monkeypatch.setattr(board, "ORDER", (("small", "karate"),))
    (tmp_path / "small.yaml").write_text(SPEC)
    monkeypatch.setattr(board, "build", lambda: None)
    return board.Stage("small", "karate")


@pytest.fixture
def called(tmp_path, monkeypatch) -> Callable[..., int]:
    def call(out: str, *more: str) -> int:
        monkeypatch.setattr(sys, "argv", ["board", "--out", str(tmp_path / out), *more])
        return board.main()

    return call


def test_what_failed_is_done_again_where_that_is_asked_for(stage, called, monkeypatch):
    def failing(configuration, *given, **how):
        if configuration.method == "kd":
            raise MemoryError("none left")
        yield from train(configuration, *given, **how)

    monkeypatch.setattr(seeds, "train", failing)
    assert called("here") == 1
    failed = {record.id for record in read_records(stage.packed).records if record.status != "ok"}
    assert failed
    monkeypatch.setattr(seeds, "train", train)
    assert called("here") == 1  # what failed stays so
    assert {record.id for record in read_records(stage.packed).records if record.status != "ok"} == failed
    assert called("elsewhere", "--retry-failed") == 0
    assert {record.status for record in read_records(stage.packed).records} == {"ok"}
    assert called("a third", "--retry-failed") == 0


def test_a_stage_that_was_stopped_goes_on_from_its_packed_store_in_a_new_checkout(
    stage, called, tmp_path, monkeypatch, capsys
):
    """A scheduler's SIGTERM packs what there is."""
    append, count = Store.append, itertools.count(1)

    def stopping(self, record, predictions=None, **how):
        append(self, record, predictions, **how)
        if next(count) == 5:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Store, "append", stopping)
    assert called("here") == 130
    assert "stopped: what was finished is kept, and packed" in capsys.readouterr().err
    begun = read_records(stage.packed).records
    assert len(begun) == 5
    monkeypatch.setattr(Store, "append", append)
    assert called("elsewhere") == 0
    whole = read_records(stage.packed).records
    assert len(whole) > len(begun)
    assert {record.id for record in begun} <= {record.id for record in whole}
    assert {cell.state for cell in read_status(stage.packed).cells} == {"done"}
    assert called("a third") == 0
    assert not (tmp_path / "a third").exists()
