"""What `distillery submit` finds in stores that are honest, careless, or made up."""

from __future__ import annotations

import pytest

from graph_distillery.bench.records import Timings
from graph_distillery.leaderboard.submission import check_submission


def findings(store, **more):
    return {(each.level, each.check) for each in check_submission(store, suite="0.1.0", **more).findings}


def changed(records, which, **update):
    return [r.model_copy(update=update) if which(r) else r for r in records]


def reports(record):
    return record.kind == "report"


def test_an_honest_store_has_nothing_to_look_at(honest, make_store):
    found = check_submission(make_store(honest()), suite="0.1.0")
    assert found.findings == []
    assert found.rows == ["cora/cpf sage to mlp kd"]


def test_the_protocol(honest, make_store, make_record):
    records = honest()
    tuned_on = changed(records, lambda r: r.kind == "trial" and r.seed == 100, seed=0)
    assert ("refuse", "seeds") in findings(make_store(tuned_on, "seeds"))
    second_best = changed(records, reports, hparams={"lr": 0.2})
    assert ("refuse", "selection") in findings(make_store(second_best, "selection"))
    no_trials = [r for r in records if reports(r)]
    assert ("refuse", "selection") in findings(make_store(no_trials, "no-trials"))
    short = [r.model_copy(update={"search": r.search.model_copy(update={"trials": 2})}) for r in records]
    assert ("refuse", "budget") in findings(make_store(short, "budget"))
    more = [*records, *changed(honest("glnn"), reports, search=_budget(records[-1], "99 trials x 2 seeds"))]
    assert ("look", "budget") in findings(make_store(more, "unequal"))
    assert ("look", "version") in findings(make_store(changed(records, reports, suite_version="9.9"), "versions"))
    assert ("look", "version") in findings(make_store(changed(records, reports, git_sha="abc-dirty"), "dirty"))
    assert ("look", "version") in findings(make_store(changed(records, reports, engine=2), "engines"))
    picked = [r for r in records if not (reports(r) and r.seed == 0)]
    assert ("look", "seeds") in findings(make_store(picked, "picked"))


def _budget(record, budget):
    return record.search.model_copy(update={"budget": budget})


def test_made_up_scores_and_times(honest, make_store):
    records = honest()
    copied = next(r for r in records if reports(r) and r.seed == 0).metrics
    twice = changed(records, lambda r: reports(r) and r.seed == 3, metrics=copied)
    assert ("refuse", "copied seeds") in findings(make_store(twice, "copied"))
    flat = [_scored(r, {"accuracy": 0.8}) if reports(r) else r for r in records]
    assert ("look", "copied seeds") in findings(make_store(flat, "flat"))
    perfect = [_scored(r, {**r.metrics.test, "accuracy": 1.0}) if reports(r) and r.seed == 1 else r for r in records]
    assert ("look", "scores") in findings(make_store(perfect, "perfect"))
    lucky = [_scored(r, {**r.metrics.test, "accuracy": 0.97}) if reports(r) else r for r in records]
    assert ("look", "scores") in findings(make_store(lucky, "lucky"))
    instant = changed(records, lambda r: True, timings=Timings(train_s=0.0, epochs=200))
    assert ("look", "times") in findings(make_store(instant, "instant"))
    future = changed(records, lambda r: True, created="2199-01-01T00:00:00Z")
    assert ("look", "times") in findings(make_store(future, "future"))
    other = [r.model_copy(update={"metrics": m.metrics}) for r, m in zip(honest("glnn"), records, strict=True)]
    assert ("look", "copied rows") in findings(make_store([*records, *other], "rows"))


def _scored(record, test):
    return record.model_copy(update={"metrics": record.metrics.model_copy(update={"test": test})})


def test_beside_a_board_data_and_budget_must_be_its_own(honest, make_store):
    board = make_store(honest(), "board")
    foreign = honest("glnn")
    data = [r.model_copy(update={"cell": r.cell.model_copy(update={"dataset_sha256": "7" * 64})}) for r in foreign]
    assert ("refuse", "data") in findings(make_store(data, "data"), beside=[board])
    dearer = [r.model_copy(update={"search": _budget(r, "300 trials x 2 seeds")}) for r in foreign]
    assert ("refuse", "budget") in findings(make_store(dearer, "dearer"), beside=[board])


def test_beside_a_board_the_splits_must_be_its_own(honest, make_store):
    def on(records, digit):
        return [r.model_copy(update={"cell": r.cell.model_copy(update={"split_sha256": digit * 64})}) for r in records]

    board = make_store(on(honest(), "a"), "board")
    assert ("refuse", "split") not in findings(make_store(on(honest("glnn"), "a"), "same"), beside=[board])
    found = check_submission(make_store(on(honest("glnn"), "b"), "other"), [board], suite="0.1.0")
    assert found.refused
    assert [each.text.partition(":")[0] for each in found.findings] == ["cora, split cpf, seed 0"]


def test_a_repeat_with_the_boards_very_scores_is_pointed_out(honest, make_store):
    board = honest()
    moved = [
        r.model_copy(update={"environment": other.environment})
        for r, other in zip(board, honest(machine="2" * 16), strict=True)
    ]
    store = make_store(board, "board")
    assert ("look", "copied runs") in findings(make_store(moved, "moved"), beside=[store])
    assert ("look", "copied runs") not in findings(make_store(honest(machine="2" * 16), "real"), beside=[store])


def test_a_row_is_compared_with_its_own_teacher(make_runs, make_store):
    records = [
        *make_runs("teacher", [0.9] * 5, teacher="gat"),
        *make_runs("teacher", [0.6] * 5, teacher="sage"),
        *make_runs("kd", [0.8, 0.81, 0.79, 0.82, 0.805], teacher="gat"),
    ]
    found = check_submission(make_store(records, "gat")).findings
    assert not any("teacher" in each.text for each in found)
    weak = [*records, *make_runs("glnn", [0.8, 0.81, 0.79, 0.82, 0.805], teacher="sage")]
    (far,) = [each for each in check_submission(make_store(weak, "weak")).findings if "teacher" in each.text]
    assert "glnn" in far.where


@pytest.mark.parametrize(("shift", "agrees"), [(0.001, True), (0.05, False)])
def test_a_row_is_verified_by_another_machine_within_its_interval(honest, make_store, shift, agrees):
    board = make_store(honest(), "board")
    there = make_store(honest(base=shift, machine="2" * 16), "there")
    found = check_submission(there, [board], suite="0.1.0")
    assert bool(found.verified) == agrees
    assert bool(found.contradicted) == (not agrees)


def test_the_floor_is_the_largest_class_and_not_what_the_constant_guess_scored(honest, make_record, make_store):
    """On equal labels of every class the majority row's guess is arbitrary: 0.13 on a test set 0.9 of one class."""
    scores = {"accuracy": 0.13, "largest_class": 0.9}
    floor = [make_record("majority", 0.13, seed=seed, test_scores=scores, suite_version="0.1.0") for seed in range(5)]
    found = check_submission(make_store([*honest(), *floor]), suite="0.1.0").findings
    assert any("below the majority class, 0.900" in each.text for each in found)
