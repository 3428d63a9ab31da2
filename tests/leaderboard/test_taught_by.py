"""Rows of one table learnt from the same trained teachers, or the board says so."""

from __future__ import annotations

from graph_distillery.leaderboard import Loaded, make_board


def board_of(*records):
    return make_board(Loaded(list(records), [f"report.jsonl:{n}" for n, _ in enumerate(records, 1)], []))


def test_different_trained_teachers_are_pointed_out(make_record):
    board = board_of(make_record("kd"), make_record("glnn", teacher_id="b" * 16))
    assert any("different trained teachers" in warning for warning in board.warnings)


def test_a_teacher_that_is_made_anew_from_the_same_is_no_other_teacher(make_record):
    anew = make_record("pruning", kind="teacher", teacher_id="b" * 16)
    for source, told in (("a" * 16, False), ("c" * 16, True)):
        derived = anew.model_copy(update={"cell": anew.cell.model_copy(update={"derived_from": source})})
        rows = (make_record("kd", teacher_id="a" * 16), make_record("prue", teacher_id="b" * 16))
        assert any("different trained teachers" in line for line in board_of(derived, *rows).warnings) == told


def test_seeds_of_two_teachers_in_one_row_are_pointed_out(make_record):
    """Seeds shared out between stores make one row; a store whose teacher is built otherwise is none to share with."""
    own = [make_record("kd", 0.8, seed=seed) for seed in (0, 1)]
    other = make_record("kd", 0.8, seed=2)
    other = other.model_copy(update={"cell": other.cell.model_copy(update={"id": "7" * 16})})
    assert not board_of(*own).warnings
    assert any("kd: runs of 2 searches or teachers in one row" in warning for warning in board_of(*own, other).warnings)
