"""A board that nobody's store can rewrite: the audit's attacks on a table, and what the board then says."""

from __future__ import annotations

import itertools

import pytest

from graph_distillery.leaderboard import make_board
from graph_distillery.leaderboard.read.load import load_stores
from graph_distillery.leaderboard.read.rows import RowKey

OURS, THEIRS = "a" * 16, "b" * 16
HONEST = {"supervised": 0.5, "kd": 0.8, "glnn": 0.82, "krd": 0.79, "at": 0.7}


@pytest.fixture
def honest(make_runs):
    """Five rows of ten seeds from one store; ``honest(dataset=...)``."""

    def build(**changes):
        changes = {"store_id": OURS, "created": "2026-11-01T00:00:00Z"} | changes
        scores = {method: [mean + seed / 1000 for seed in range(10)] for method, mean in HONEST.items()}
        return [run for method, each in scores.items() for run in make_runs(method, each, **changes)]

    return build


@pytest.fixture
def board_of(make_store):
    count = itertools.count()

    def build(*stores):
        return make_board(load_stores([make_store(runs, f"store {next(count)}") for runs in stores]))

    return build


def foreign(make_runs, method, scores, **changes):
    named = {"store_id": THEIRS, "created": "2026-11-20T00:00:00Z", "fingerprint": "2" * 16} | changes
    return make_runs(method, scores, **named)


def rows(board, place=0):
    return {row.key.name: row for row in board.comparisons[place].rows}


def test_a_repeat_with_more_seeds_never_takes_a_row_over(honest, board_of, make_runs):
    """Audit 4.1: kd again, with eleven seeds and lower scores, from another machine."""
    alone = rows(board_of(honest()))["kd"]
    kd = rows(board_of(honest(), foreign(make_runs, "kd", [0.6] * 11)))["kd"]
    assert (kd.test, kd.summary) == (alone.test, alone.summary)
    assert [(repeat.store_ids, repeat.agrees) for repeat in kd.repeats] == [((THEIRS,), False)]
    assert not kd.verified


def test_rows_with_more_seeds_make_no_honest_row_partial(honest, board_of, make_runs):
    """Audit 4.1: six invented rows of twenty seeds; they count with the table's ten, which is said."""
    invented = [run for i in range(6) for run in foreign(make_runs, f"fake-{i}", [0.9] * 20)]
    board = board_of(honest(), invented)
    assert {row.status for row in rows(board).values()} == {"complete"}
    assert len(rows(board)["fake-0"].test) == 10
    said = [line for line in board.warnings if "fake-0" in line]
    assert said == [
        "cora, cpf split, transductive, sage → mlp: fake-0: 10 report seed(s) beyond the table's are left out"
    ]


def test_a_dataset_that_one_row_alone_has_joins_no_overall(honest, board_of, make_runs):
    """Audit 4.1: kd on a dataset of its own would leave kd as the only overall row."""
    (overall,) = board_of(honest(), foreign(make_runs, "kd", [0.9] * 10, dataset="mine")).overall
    assert [each.data.dataset for each in overall.comparisons] == ["cora"]
    assert {row.key.method for row in overall.rows} == set(HONEST)


def test_a_fixed_configuration_stands_apart_from_tuned_ones(honest, board_of, make_runs):
    """Audit 4.1: a configuration picked at will, ranked first."""
    board = board_of(honest(), foreign(make_runs, "kd", [0.99] * 10, selection=None))
    assert rows(board)["kd (fixed)"].status == "apart (a fixed configuration, which no search stands behind)"
    assert RowKey("kd", "paper", True) not in board.comparisons[0].standings
    alone = board_of(foreign(make_runs, "kd", [0.9] * 10, selection=None))
    assert rows(alone)["kd (fixed)"].complete  # among its like it is compared


def test_a_larger_budget_and_variants_that_read_test_labels_stand_apart(honest, board_of, make_runs):
    dear = foreign(make_runs, "kd2", [0.9] * 10, budget="400 trials x 3 seeds")
    oad = foreign(make_runs, "oad", [0.9] * 10, variant="official_code")
    told = foreign(make_runs, "new", [0.9] * 10)
    told = [run.model_copy(update={"cell": run.cell.model_copy(update={"test_selected": True})}) for run in told]
    learned = foreign(make_runs, "wise", [0.9] * 10)
    mark = {"trains_on_validation": True}
    learned = [run.model_copy(update={"cell": run.cell.model_copy(update=mark)}) for run in learned]
    found = rows(board_of(honest(), dear, oad, told, learned))
    assert found["wise"].status == "apart (trained on validation labels)"
    assert found["kd2"].status == "apart (400 trials x 3 seeds, where its table has 12 x 3)"
    assert found["oad (official_code)"].status == found["new"].status == "apart (chosen by test labels)"


def test_a_repeat_verifies_only_the_same_configuration_and_version(honest, board_of, make_runs):
    same = [0.8 + (9 - seed) / 1000 for seed in range(10)]
    assert rows(board_of(honest(), foreign(make_runs, "kd", same)))["kd"].verified
    other = foreign(make_runs, "kd", same, hparams={"lr": 0.5})
    newer = foreign(make_runs, "kd", same, suite_version="9.9")
    for runs in (other, newer):
        kd = rows(board_of(honest(), runs))["kd"]
        assert ([repeat.agrees for repeat in kd.repeats], kd.verified) == ([None], False)


def test_a_dataset_in_two_splits_counts_once_in_every_overall_number(board_of, make_runs):
    """kd wins on both splits of a, glnn on b: no one is ahead over the two datasets."""
    runs = [
        make_runs(method, [score + seed / 1000 for seed in range(5)], dataset=dataset, split=split)
        for dataset, split, scores in (("a", "cpf", (0.9, 0.5)), ("a", "public", (0.8, 0.4)), ("b", "cpf", (0.3, 0.7)))
        for method, score in zip(("kd", "glnn"), scores, strict=True)
    ]
    (overall,) = board_of(list(itertools.chain(*runs))).overall
    assert overall.datasets == 2
    assert [each.mean_rank for each in overall.rows] == [1.5, 1.5]
    assert [each.value for each in overall.improvement.values()] == [0.5]
    assert [each.win_rate.value for each in overall.rows] == [0.5, 0.5]
