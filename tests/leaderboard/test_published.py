"""The suite's own board is what its packed records say, and every score follows from predictions and labels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graph_distillery.bench.cli.entry import main
from graph_distillery.bench.records import read_records
from graph_distillery.leaderboard import build_board
from graph_distillery.leaderboard.verification.verify import verify_board

BOARD = Path(__file__).resolve().parents[2] / "leaderboard" / "board"
STORES = sorted(path for path in (BOARD / "stores").glob("*") if path.is_dir())


def test_the_published_numbers_and_findings_follow_from_the_stores(tmp_path, near):
    """Without pictures, which take most of the time; all of it is compared below, and by board.yml on every change."""
    build_board([], tmp_path / "board", plots=False, board=BOARD / "board.yaml")
    shown, again = (json.loads((folder / "leaderboard.json").read_text()) for folder in (BOARD, tmp_path / "board"))
    assert list(shown) == list(again)
    for name in shown:
        assert near(shown[name], again[name]), name
    assert (BOARD / "FINDINGS.md").read_text() == (tmp_path / "board" / "FINDINGS.md").read_text()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_published_board_agrees_with_its_stores_to_the_last_picture():
    found = verify_board(BOARD, STORES, declared=BOARD / "board.yaml")
    assert not found.differences, "\n".join(map(str, found.differences[:20]))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_published_score_follows_from_predictions_and_labels(mirror):
    assert main(["verify", str(BOARD), "--data"]) == 0


def test_the_board_is_small_and_no_test_label_was_read_in_tuning():
    assert sum(path.stat().st_size for path in BOARD.rglob("*") if path.is_file()) < 60e6
    for store in STORES:
        assert {record.seen_in_tuning or 0 for record in read_records(store, kinds=["report"]).records} <= {0}
