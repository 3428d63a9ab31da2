"""What the board claims, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_distillery.leaderboard import BoardError, Loaded, make_board
from graph_distillery.leaderboard.read.rows import RowKey


def board_of(*groups):
    records = [record for group in groups for record in (group if isinstance(group, list) else [group])]
    records.sort(key=lambda record: record.id)
    return make_board(Loaded(records, [f"report.jsonl:{n}" for n in range(1, len(records) + 1)], []))


def only(board):
    (comparison,) = board.comparisons
    return comparison


def row(comparison, method):
    (found,) = [each for each in comparison.rows if each.key.method == method]
    return found


def key(method):
    return RowKey(method, "paper", False)


def test_control_rows_come_first_and_methods_by_score(make_runs):
    board = board_of(
        *(make_runs(m, [s, s]) for m, s in {"kd": 0.7, "glnn": 0.8, "supervised": 0.6, "majority": 0.3}.items()),
        make_runs("teacher", [0.75, 0.75]),
    )
    assert [each.key.method for each in only(board).rows] == [
        "teacher",
        "majority",
        "supervised",
        "glnn",
        "kd",
    ]


def test_gain_and_gap_are_paired_by_seed(make_runs):
    board = board_of(
        make_runs("supervised", [0.60, 0.70]),
        make_runs("teacher", [0.80, 0.90]),
        make_runs("glnn", [0.66, 0.84]),
    )
    comparison = only(board)
    glnn = row(comparison, "glnn")
    assert comparison.gain(glnn) == pytest.approx(0.10)  # (0.06 + 0.14) / 2
    assert comparison.gap_closed(glnn) == pytest.approx(0.5)  # 0.10 / (0.85 - 0.65)


def test_no_gap_to_close_where_the_teacher_is_no_better(make_runs):
    board = board_of(make_runs("supervised", [0.8]), make_runs("teacher", [0.8]), make_runs("glnn", [0.9]))
    assert only(board).gap_closed(row(only(board), "glnn")) is None


def test_a_gap_of_rounding_is_none_to_close(make_runs):
    board = board_of(
        make_runs("supervised", [0.3, 0.3]), make_runs("teacher", [0.1 + 0.2, 0.3]), make_runs("glnn", [0.9, 0.8])
    )
    assert only(board).gap_closed(row(only(board), "glnn")) is None


def test_a_lead_that_may_be_noise_is_nothing_to_take_a_share_of(make_runs):
    """The teacher's lead of 0.0005 comes with seeds that say the contrary: glnn would close 20,000 % of it."""
    ups, downs = [0.802, 0.797] * 5, [0.799, 0.799] * 5
    board = board_of(make_runs("supervised", downs), make_runs("teacher", ups), make_runs("glnn", [0.9] * 10))
    assert only(board).gap_closed(row(only(board), "glnn")) is None
    weak = board_of(make_runs("majority", downs), make_runs("teacher", ups), make_runs("glnn", [0.9] * 10))
    assert only(weak).scale() is None
    assert weak.overall[0].rows[0].iqm is None
    clear = board_of(make_runs("majority", [0.7] * 10), make_runs("teacher", ups), make_runs("glnn", [0.9] * 10))
    assert only(clear).scale().normalised(np.full(10, 0.9)) == pytest.approx([0.2 / 0.0995] * 10)


def test_tuning_gain_and_a_winner_that_is_the_default(make_runs):
    tuned, default = make_runs("kd", [0.7, 0.9]), make_runs("kd", [0.6, 0.7], selection="default")
    board = board_of(tuned, default, make_runs("glnn", [0.8, 0.9], selection="both"))
    comparison = only(board)
    assert comparison.tuning_gain(row(comparison, "kd")) == pytest.approx(0.15)
    assert comparison.tuning_gain(row(comparison, "glnn")) == 0
    assert row(comparison, "kd").headline.selection == "tuned"
    assert set(row(comparison, "glnn").results) == {"tuned", "default"}


def test_fewer_seeds_or_a_failed_run_is_partial_and_unranked(make_runs, make_record):
    board = board_of(
        make_runs("supervised", [0.5] * 5),
        make_runs("glnn", [0.9] * 3),
        make_runs("kd", [0.8] * 4),
        make_record("kd", seed=4, status="nan"),
        make_runs("krd", [0.7] * 5),
    )
    comparison = only(board)
    assert row(comparison, "glnn").status == "partial (3/5 seeds)"
    assert row(comparison, "kd").status == "partial (4/5 seeds, 1 failed)"
    assert {k: each.rank for k, each in comparison.standings.items()} == {key("krd"): 1, key("supervised"): 2}
    assert [each.key.method for each in board.overall[0].rows] == ["krd", "supervised"]
    assert set(board.overall[0].partial) == {key("glnn"), key("kd")}


def test_a_default_is_not_ranked_among_tuned_configurations(make_runs):
    """A sweep under way reports defaults before winners; once all show their default they are compared."""
    waiting = make_runs("kd", [0.9] * 5, selection="default")
    mixed = only(board_of(make_runs("supervised", [0.5] * 5), make_runs("glnn", [0.8] * 5), waiting))
    assert row(mixed, "kd").status == "partial (5/5 seeds, of the default alone)"
    assert [key.method for key in mixed.standings] == ["glnn", "supervised"]
    fair = only(board_of(make_runs("supervised", [0.5] * 5, selection="default"), waiting))
    assert [key.method for key in fair.standings] == ["kd", "supervised"]
    alone = only(board_of(make_runs("supervised", [0.5] * 5, selection="default"), make_runs("glnn", [0.8] * 5)))
    assert alone.gain(row(alone, "glnn")) is None  # tuned less default would be no gain of distillation


def test_a_failed_run_that_later_succeeded_does_not_count(make_record):
    board = board_of(make_record("kd", 0.8), make_record("kd", status="timeout"))
    assert row(only(board), "kd").complete


def test_a_method_whose_trials_all_failed_is_still_on_the_board(make_record):
    seeds = [make_record("glnn", kind="trial", selection="x", seed=seed, status="oom") for seed in (100, 101)]
    glnn = row(only(board_of(make_record("kd", 0.8), seeds)), "glnn")  # two seeds of one trial
    assert (glnn.status, glnn.failed_trials) == ("partial (0/1 seeds)", 1)


def test_a_teachers_search_is_no_part_of_the_search_of_its_models_student(make_runs, store_of):
    """Both are supervised trainings of one model, and their trials have the same numbers and seeds."""
    mine = [store_of.trial("supervised", number, 0.5 + number / 10, student="gcn") for number in range(3)]
    teachers = []
    for trial in (store_of.trial("supervised", number, 0.9, student="gcn") for number in range(5)):
        cell = trial.cell.model_copy(update={"id": "7" * 16})
        teachers.append(trial.model_copy(update={"cell": cell, "id": f"7{trial.id[1:]}"}))
    board = board_of(
        make_runs("supervised", [0.6], student="gcn"), make_runs("kd", [0.7], student="gcn"), mine, teachers
    )
    assert [trial.score for trial in row(only(board), "supervised").tuning.trials] == pytest.approx([0.5, 0.6, 0.7])


def test_mean_ranks_by_hand_and_only_over_methods_that_have_every_cell(make_runs):
    cora = {"supervised": 0.5, "kd": 0.8, "glnn": 0.8, "krd": 0.95}
    citeseer = {"supervised": 0.5, "kd": 0.6, "glnn": 0.7}
    board = board_of(
        *(make_runs(m, [s, s], dataset="cora") for m, s in cora.items()),
        *(make_runs(m, [s, s], dataset="citeseer") for m, s in citeseer.items()),
    )
    (overall,) = board.overall
    # cora: kd and glnn tie at 1.5, supervised 3; citeseer: glnn 1, kd 2, supervised 3; krd lacks citeseer
    assert {each.key.method: each.mean_rank for each in overall.rows} == {
        "glnn": 1.25,
        "kd": 1.75,
        "supervised": 3,
    }
    assert {each.key.method: each.gain for each in overall.rows if each.gain} == pytest.approx(
        {"glnn": 0.25, "kd": 0.2}
    )
    assert overall.partial == {key("krd"): ("citeseer (cpf): missing",)}


def test_a_missing_cell_changes_no_other_number(make_runs):
    full = [make_runs(m, [s, s], dataset=d) for m, s in {"supervised": 0.5, "kd": 0.7}.items() for d in "ab"]
    with_cell = board_of(*full, make_runs("krd", [0.9, 0.9], dataset="a"), make_runs("krd", [0.9, 0.9], dataset="b"))
    without = board_of(*full, make_runs("krd", [0.9, 0.9], dataset="a"))
    for board in (with_cell, without):
        assert row(board.comparisons[1], "kd").summary.mean == pytest.approx(0.7)
        (kd,) = [each for each in board.overall[0].rows if each.key.method == "kd"]
        assert kd.gain == pytest.approx(0.2)
    assert [each.key.method for each in without.overall[0].rows] == ["kd", "supervised"]


@pytest.mark.parametrize(
    "change",
    [
        {"dataset_sha256": "7" * 64},
        {"node_order_sha256": "7" * 64},
        {"split": "planetoid"},
        {"setting": "graph-level"},
        {"metric": "roc_auc"},
        {"teacher": "gat"},
        {"student": "gcn"},
    ],
)
def test_what_is_not_comparable_never_shares_a_table(make_runs, change):
    board = board_of(make_runs("kd", [0.8]), make_runs("glnn", [0.9], **change))
    assert len(board.comparisons) == 2
    assert all(len(each.rows) == 1 for each in board.comparisons)
    assert len({each.slug for each in board.comparisons}) == 2


def test_rows_without_teacher_or_student_join_every_teachers_table(make_runs):
    board = board_of(
        make_runs("supervised", [0.5]),
        make_runs("self-kd", [0.6], teacher=None),
        make_runs("label-propagation", [0.4], teacher=None, student="none"),
        make_runs("kd", [0.7], teacher="sage"),
        make_runs("kd", [0.8], teacher="gat"),
        make_runs("teacher", [0.9], teacher="gat"),
    )
    gat, sage = board.comparisons
    assert {each.key.method for each in gat.rows} == {
        "teacher",
        "supervised",
        "self-kd",
        "label-propagation",
        "kd",
    }
    assert {each.key.method for each in sage.rows} == {"supervised", "self-kd", "label-propagation", "kd"}
    alone = board_of(make_runs("supervised", [0.5]), make_runs("self-kd", [0.6], teacher=None))
    assert only(alone).teacher is None


def test_inductive_parts_are_kept_apart(make_record):
    scores = {"accuracy": 0.8, "prod": 0.8, "tran": 0.9, "ind": 0.4}
    board = board_of(make_record("kd", test_scores=scores, setting="inductive"))
    result = row(only(board), "kd").headline
    assert (result.summary.mean, result.part("tran"), result.part("ind")) == (0.8, 0.9, 0.4)


def test_speed_ups_stay_on_one_machine(make_runs, make_record):
    def speed(method, ms, machine):
        return make_record(method, kind="speed", speed=ms, fingerprint=machine * 16)

    board = board_of(
        make_runs("teacher", [0.9]), make_runs("kd", [0.8]), make_runs("glnn", [0.7]),
        speed("teacher", 8.0, "1"), speed("kd", 2.0, "1"), speed("kd", 1.0, "2"), speed("glnn", 0.1, "2"),
    )  # fmt: skip
    comparison = only(board)
    kd, glnn = row(comparison, "kd"), row(comparison, "glnn")
    assert comparison.speedup(kd, "1" * 16) == pytest.approx(4)
    assert comparison.speedup(kd, "1" * 16, request=True) == pytest.approx(4)
    assert comparison.speedup(kd, "2" * 16) is None
    assert comparison.speedup(glnn, "1" * 16) is None
    assert {each.key.method: each.speedup for each in board.overall[0].rows} == {"kd": 4, "glnn": None}


def test_speed_belongs_to_the_configuration_that_is_shown(make_runs, make_record):
    board = board_of(
        make_runs("kd", [0.8]),
        make_runs("kd", [0.7], selection="default"),
        make_record("kd", kind="speed", speed=5.0, selection="default"),
        make_record("kd", kind="speed", speed=1.0, selection="tuned"),
    )
    assert row(only(board), "kd").speed["1" * 16].full_forward_ms == 1.0


def test_a_repeat_with_another_winner_lends_the_row_no_speed(make_runs, make_record):
    """Its latency is of a student whose scores the row does not show."""
    own, other = {"hidden": 8}, {"hidden": 512}
    board = board_of(
        make_runs("kd", [0.8] * 5, hparams=own),
        make_runs("kd", [0.8] * 5, hparams=other, fingerprint="2" * 16, created="2026-11-21T12:00:00Z"),
        *(
            make_record("kd", kind="speed", speed=ms, hparams=hparams, fingerprint=machine * 16)
            for ms, hparams, machine in ((1.0, own, "1"), (9.0, other, "2"), (2.0, own, "3"))
        ),
    )
    kd = row(only(board), "kd")
    assert {name[0]: speed.full_forward_ms for name, speed in kd.speed.items()} == {"1": 1.0, "3": 2.0}
    assert len(kd.repeats) == 1


def test_runs_that_contradict_each_other_name_both_places(make_record):
    with pytest.raises(BoardError, match=r"seed 0: two different report runs, at \S+ and \S+$"):
        board_of(make_record("kd", 0.8), make_record("kd", 0.9))
    with pytest.raises(BoardError, match="two different configurations in one row"):
        board_of(make_record("kd", 0.8), make_record("kd", 0.9, seed=1, hparams={"lr": 0.5}))


def test_nothing_to_show_is_one_line(make_record):
    for records in (
        [],
        [make_record("kd", kind="trial")],
        [make_record("teacher")],
        [make_record("kd", status="nan")],
    ):
        with pytest.raises(BoardError, match="nothing to put on a board"):
            board_of(records)


def test_another_machine_verifies_a_row_and_a_third_contradicts_it(make_runs):
    own = make_runs("kd", [0.80, 0.82, 0.81, 0.79, 0.83], created="2026-11-20T12:00:00Z")
    near = make_runs("kd", [0.81, 0.82, 0.80, 0.80, 0.83], fingerprint="2" * 16, created="2026-11-21T12:00:00Z")
    far = make_runs("kd", [0.5] * 5, fingerprint="3" * 16, created="2026-11-22T12:00:00Z")
    alone, verified, disputed = (row(only(board_of(*runs)), "kd") for runs in ([own], [own, near], [own, near, far]))
    assert (alone.verified, verified.verified, disputed.verified) == (False, True, False)
    assert verified.summary == disputed.summary == alone.summary
    assert [repeat.agrees for repeat in disputed.repeats] == [True, False]
    assert any("has another mean" in warning for warning in board_of(own, far).warnings)


def test_machines_that_share_out_the_seeds_are_one_row(make_record):
    runs = [make_record("kd", 0.8, seed=seed, fingerprint=str(1 + seed % 2) * 16) for seed in range(6)]
    kd = row(only(board_of(runs)), "kd")
    assert (len(kd.test), kd.repeats) == (6, ())


def test_extra_seeds_of_one_row_make_no_other_partial(make_runs):
    board = board_of(make_runs("kd", [0.8] * 5), make_runs("supervised", [0.5] * 5), make_runs("glnn", [0.9] * 20))
    assert all(each.complete for each in only(board).rows)


def test_seeds_beyond_the_peers_decide_nothing(make_runs):
    """On the ten shared seeds kd is better every time; glnn's own ten more would turn the order around."""
    kd, glnn = [0.8 + step / 1000 for step in range(10)], [0.7 + step / 1100 for step in range(10)]
    board = board_of(make_runs("kd", kd), make_runs("krd", [0.5] * 10), make_runs("glnn", [*glnn, *[0.99] * 10]))
    standings = only(board).standings
    assert (standings[key("kd")].verdict, standings[key("glnn")].verdict) == ("best", "below best")
    assert standings[key("glnn")].best.n == 10
    overall = board.overall[0]
    assert {each.key: each.mean_rank for each in overall.rows} == {k: each.rank for k, each in standings.items()}
    assert overall.improvement[key("kd"), key("glnn")].value == 1


def test_a_row_without_a_finished_run_has_no_training_time(make_record):
    board = board_of(make_record("kd"), make_record("glnn", None, status="failed"))
    assert row(only(board), "glnn").headline.train_s is None


METHODS, SETS = ("supervised", "kd", "glnn", "krd"), ("a", "b", "c")
CELLS = st.dictionaries(
    st.tuples(st.sampled_from(METHODS), st.sampled_from(SETS)),
    st.lists(st.integers(0, 100).map(lambda n: n / 100), min_size=1, max_size=4),
    min_size=2,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=CELLS, data=st.data())
def test_removing_a_cell_never_changes_another_methods_mean(make_runs, cells, data):
    gone = data.draw(st.sampled_from(sorted(cells)))
    fixed = [make_runs(m, [s, s], dataset=d) for m, s in (("teacher", 0.9), ("majority", 0.2)) for d in SETS]

    def numbers(chosen):
        board = board_of(*fixed, *(make_runs(m, scores, dataset=d) for (m, d), scores in chosen.items()))
        means = {
            (each.key.method, comparison.data.dataset, name): each.results[name].summary
            for comparison in board.comparisons
            for each in comparison.rows
            for name in each.results
        }
        overall = {
            (each.key.method, o.teacher, tuple(c.data.dataset for c in o.comparisons)): (each.iqm, each.device_hours)
            for o in board.overall
            for each in o.rows
        }
        return means, overall

    rest = {cell: scores for cell, scores in cells.items() if cell != gone}
    try:
        before, after = numbers(cells), numbers(rest)
    except BoardError:
        return
    for old, new in zip(before, after, strict=True):
        assert all(new[place] == value for place, value in old.items() if place in new and place[0] != gone[0])


@pytest.mark.parametrize(
    ("shares", "found", "words"),
    [
        ((0.0, 0.0), (0.0, 0.0), "had read none of the labels"),
        ((0.239, 0.252), (0.239, 0.252), "had read 24 to 25 % of the labels"),
        ((0.0, 0.001), (0.0, 0.001), "had read 0 to below 1 % of the labels"),
        ((0.3, None), None, "Not all records tell"),
    ],
)
def test_a_table_says_how_much_of_its_test_labels_tuning_had_read(make_record, shares, found, words):
    table = only(
        board_of(
            [
                make_record(method, test=0.8 + seed / 100, seed=seed, seen_in_tuning=share)
                for method in ("kd", "glnn")
                for seed, share in enumerate(shares)
            ]
        )
    )
    assert table.seen_in_tuning == found
    assert words in table.sampling_words
