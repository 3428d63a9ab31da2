"""On one fixed split with predictions, a table's tests draw the test items again, and seeds with them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from graph_distillery.bench.records import Items
from graph_distillery.bench.records.predictions import PredictedPart, Predictions, sha256_of, write_predictions
from graph_distillery.leaderboard.errors import BoardError
from graph_distillery.leaderboard.read.load import load_stores
from graph_distillery.leaderboard.tables.board import make_board

N, B, C, BOTH = 400, 40, 20, 300
OURS = np.concatenate([np.ones(B), np.zeros(C), np.ones(BOTH), np.zeros(N - B - C - BOTH)]).astype(bool)
THEIRS = np.concatenate([np.zeros(B), np.ones(C), np.ones(BOTH), np.zeros(N - B - C - BOTH)]).astype(bool)


@pytest.fixture
def board_of(make_record, make_store):
    def build(name, seeds, kept=("kd", "supervised")):
        told, files = [], []
        for method, right in (("kd", OURS), ("supervised", THEIRS)):
            for seed in range(seeds):
                record = make_record(method, float(right.mean()), seed=seed)
                cell = record.cell.model_copy(
                    update={"split_sha256": "a" * 64, "test_sha256": "b" * 64, "items": Items(train=9, val=9, test=N)}
                )
                update = {"cell": cell}
                if method in kept:
                    part = PredictedPart(np.arange(N), np.where(right, 1, 0)[None], right=right[None])
                    files.append(Predictions({"all": part}).to_bytes(2))
                    update["predictions_sha256"] = sha256_of(files[-1])
                told.append(record.model_copy(update=update))
        store = make_store(told, name)
        for content in files:
            write_predictions(store, content)
        return make_board(load_stores([store])).comparisons[0]

    return build


@pytest.mark.parametrize("seeds", [1, 5])
def test_methods_without_randomness_have_mcnemars_interval_and_no_point(board_of, seeds):
    table = board_of(f"of {seeds}", seeds)
    row = next(row for row in table.rows if row.key.method == "kd")
    found = table.against_student(row)
    error = np.sqrt(B + C - (B - C) ** 2 / N) / N
    assert found.test == "items_bootstrap"
    assert found.difference == pytest.approx((B - C) / N)
    assert (found.high - found.low) / 2 == pytest.approx(stats.norm.ppf(0.975) * error, rel=0.08)
    assert found.p == pytest.approx(2 * stats.norm.sf((B - C) / N / error), rel=0.3)
    assert table.standings[row.key].leader
    other = next(row for row in table.rows if row.key.method == "supervised")
    assert (table.standings[other.key].best.low, table.standings[other.key].best.high) == (-found.high, -found.low)


def test_a_row_without_predictions_leaves_the_test_that_needs_none(board_of):
    table = board_of("half", 5, kept=("kd",))
    assert {standing.test for standing in table.standings.values()} == {"items_t"}


def test_predictions_that_were_left_behind_are_none_and_broken_ones_stop_the_board(board_of, tmp_path):
    table = board_of("whole", 5)
    first, *_ = sorted((tmp_path / "whole" / "predictions").iterdir())
    first.write_bytes(b"another")
    with pytest.raises(BoardError, match="is not the file that was written"):
        _ = table.standings
    table = board_of("left", 5)
    next((tmp_path / "left" / "predictions").iterdir()).unlink()
    assert {standing.test for standing in table.standings.values()} == {"items_t"}
