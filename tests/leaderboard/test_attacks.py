"""Forged stores, the audit's (section 4.2) and five more: what `distillery submit` refuses, or points at, and why.

Every store begins as an honest sweep of three methods and the student alone; one thing in it is forged.
"""

from __future__ import annotations

import itertools
import json

import pytest

from graph_distillery.bench.records import Items, Timings
from graph_distillery.bench.records.identity import work_id
from graph_distillery.leaderboard.submission import check_submission


def id_of(record):
    """The id that follows from a record's work."""
    trial, selection = (record.search.trial, record.search.selection) if record.search else (None, None)
    return work_id(record.cell.id, record.kind, trial, selection, record.seed, record.cell.split_seed)


METHODS = ("kd", "glnn", "krd", "at", "supervised")


@pytest.fixture
def sweep(honest, make_record):
    """``sweep(machine)``: all rows, with the sizes of their splits; each row's speed, too."""

    def build(machine="1" * 16, **changes):
        records = []
        for method in METHODS:
            records += honest(method, machine=machine, **changes)
            speed = make_record(method, kind="speed", speed=2.0, fingerprint=machine, suite_version="0.1.0")
            records.append(speed.model_copy(update={"id": id_of(speed)}))
        items = Items(train=60, val=100, test=200)
        return [r.model_copy(update={"cell": r.cell.model_copy(update={"items": items})}) for r in records]

    return build


@pytest.fixture
def submitted(make_store):
    """``submitted(records, beside)``: the findings as (level, check, row's method)."""
    count = itertools.count()

    def check(records, beside=None, plan=None):
        boards = [make_store(beside, f"board {next(count)}")] if beside else []
        store = make_store(records, f"store {next(count)}")
        if plan is not None:
            (store / "plan.json").write_text(json.dumps(plan))
        return {(f.level, f.check, f.where.split(" ")[-1]) for f in check_submission(store, boards, "0.1.0").findings}

    return check


def forged(records, method, kind="report", /, *, ids=True, **change):
    """The records with a row's changed: ``change`` maps a field to a function of the record."""

    def one(record):
        if (record.cell.method, record.kind) != (method, kind):
            return record
        made = record.model_copy(update={name: of(record) for name, of in change.items()})
        return made.model_copy(update={"id": id_of(made)}) if ids else made

    return [one(record) for record in records]


def metrics(**parts):
    """A forger of scores: ``test`` and ``val`` map the old scores to the new, given the record."""

    def of(record):
        update = {}
        for part, change in parts.items():
            old = getattr(record.metrics, part)
            update[part] = {**old, **change(record, old)} if old else old
        return record.metrics.model_copy(update=update)

    return of


def search(**change):
    return lambda record: record.search.model_copy(update=change)


def test_the_honest_sweep_passes_alone_and_beside_another(sweep, submitted):
    assert submitted(sweep(), plan=PLAN) == set()
    assert submitted(sweep("2" * 16, created="2026-11-22T00:00:00Z"), beside=sweep()) == set()


def test_scores_raised_by_five_points_are_out_of_keeping(sweep, submitted):
    raised = forged(sweep(), "kd", metrics=metrics(test=lambda _, s: {"accuracy": s["accuracy"] + 0.05}))
    assert submitted(raised) == {("look", "scores", "kd")}


def test_the_best_seeds_renumbered(sweep, submitted):
    kept = [r for r in sweep("2" * 16) if not (r.cell.method == "kd" and r.kind == "report" and r.seed == 2)]
    renumbered = {0: 0, 1: 1, 3: 2, 4: 3}
    moved = {"seed": lambda r: renumbered[r.seed]}
    assert ("refuse", "ids", "kd") in submitted(forged(kept, "kd", ids=False, **moved))
    assert ("refuse", "seeds", "kd") in submitted(forged(kept, "kd", **moved), beside=sweep())


def test_jittered_copies_of_a_seed(sweep, submitted):
    records = sweep()
    first = next(r for r in records if (r.cell.method, r.kind, r.seed) == ("kd", "report", 0)).metrics
    touched = {name: value * (1 + 1e-7) for name, value in first.test.items() if name != "accuracy"}
    copied = forged(records, "kd", metrics=metrics(test=lambda r, s: touched if r.seed == 3 else {}))
    assert submitted(copied) == {("refuse", "copied seeds", "kd")}


def test_validation_scores_edited_so_that_the_wanted_trial_wins(sweep, submitted):
    wanted = {"lr": 0.2}
    edited = forged(
        sweep(), "kd", "trial", metrics=metrics(val=lambda r, _: {"accuracy": 0.95} if r.hparams == wanted else {})
    )
    locked = forged(edited, "kd", hparams=lambda _: wanted, search=search(trial=2))
    assert submitted(locked) == {("look", "validation", "kd")}


def test_better_trials_deleted_or_marked_as_pruned(sweep, submitted):
    records = forged(sweep(), "kd", hparams=lambda _: {"lr": 0.0}, search=search(trial=0))
    assert ("refuse", "selection", "kd") in submitted(records)

    def better(record):
        return (record.cell.method, record.kind, record.search.trial if record.search else None) == ("kd", "trial", 1)

    assert ("refuse", "budget", "kd") in submitted([r for r in records if not better(r)])
    pruned = [r.model_copy(update={"status": "pruned"}) if better(r) else r for r in records]
    assert ("refuse", "pruned", "kd") in submitted(pruned)


def test_no_trials_and_four_hundred_under_the_name_of_three(sweep, submitted):
    none = [r for r in forged(sweep(), "kd", search=search(trials=0)) if (r.cell.method, r.kind) != ("kd", "trial")]
    assert ("refuse", "budget", "kd") in submitted(none)
    many = forged(forged(sweep(), "kd", search=search(trials=400)), "kd", "trial", search=search(trials=400))
    assert ("refuse", "budget", "kd") in submitted(many)


PLAN = {
    "cells": [],
    "spaces": {"s": {"parameters": {"lr": {"float": [0.0, 0.3]}, "hidden": {"choice": [64, 128]}}, "fixed": {}}},
}


@pytest.fixture(autouse=True)
def _cells_of_the_plan(sweep):
    ids = {r.cell.id for r in sweep()}
    PLAN["cells"] = [{"id": each, "space": "s", "defaults": {"lr": 9.0}} for each in sorted(ids)]


def test_a_setting_outside_the_declared_space(sweep, submitted):
    wide = {"lr": 0.1, "hidden": 4096}
    records = forged(sweep(), "kd", hparams=lambda _: wide)
    records = forged(records, "kd", "trial", hparams=lambda r: wide if r.hparams["lr"] == 0.1 else r.hparams)
    assert submitted(records, plan=PLAN) == {("refuse", "space", "kd")}
    default = forged(sweep(), "kd", "trial", hparams=lambda r: {"lr": 9.0} if r.search.trial == 0 else r.hparams)
    assert submitted(default, plan=PLAN) == set()  # the published default is a trial wherever it lies


def test_validation_scores_that_are_the_test_scores(sweep, submitted):
    same = forged(sweep(), "kd", metrics=metrics(val=lambda r, _: {"accuracy": r.metrics.test["accuracy"]}))
    assert ("refuse", "scores", "kd") in submitted(same)
    for end in (0.0, 1.0):  # the Hits@20 of a constant answer is 0 in every part
        alike = metrics(val=lambda *_, end=end: {"accuracy": end}, test=lambda *_, end=end: {"accuracy": end})
        assert ("refuse", "scores", "kd") not in submitted(forged(sweep(), "kd", metrics=alike))


def test_a_weakened_student_alone(sweep, submitted):
    weak = forged(sweep("2" * 16), "supervised", metrics=metrics(test=lambda _, s: {"accuracy": s["accuracy"] - 0.1}))
    assert ("refuse", "student alone", "supervised") in submitted(weak, beside=sweep())


def test_a_tenth_of_the_latency(sweep, submitted):
    def fast(record):
        latency = record.speed.full_forward_ms.model_copy(update={"p50": 0.2, "p95": 0.3})
        return record.speed.model_copy(update={"full_forward_ms": latency})

    assert submitted(forged(sweep(), "kd", "speed", speed=fast), beside=sweep()) == {("refuse", "speed", "kd")}


def test_a_made_up_machine_that_copies_the_boards_scores_with_a_touch(sweep, submitted):
    board = sweep()
    moved = [
        r.model_copy(update={"environment": r.environment.model_copy(update={"fingerprint": "2" * 16})}) for r in board
    ]
    touch = metrics(test=lambda _, s: {name: s[name] * (1 + 1e-9) for name in ("nll", "ece")})
    assert submitted(forged(moved, "kd", metrics=touch), beside=board) >= {("refuse", "copied runs", "kd")}


def test_a_score_that_no_number_of_items_gives(sweep, submitted):
    odd = forged(sweep(), "kd", metrics=metrics(test=lambda r, _: {"accuracy": 0.8123} if r.seed == 1 else {}))
    assert submitted(odd) == {("refuse", "scores", "kd")}
    four = forged(sweep(), "kd", metrics=metrics(test=lambda _, s: {"accuracy": s["accuracy"] + 0.25 / 200}))
    assert submitted(four) == set()  # four students share a score: quarters of an item

    def of_their_number(record, scores):
        return {"accuracy": scores["accuracy"] + 1 / (5 - record.search.trial % 2) / 100}

    tuned = forged(four, "kd", "trial", metrics=metrics(val=of_their_number))
    assert submitted(tuned) == set()  # fifths in one configuration's trials, quarters in another's


# ---- Five of our own ------------------------------------------------------------------------------------------------


def test_a_finished_run_is_not_superseded(sweep, submitted):
    records = sweep()
    bad = next(r for r in records if (r.cell.method, r.kind, r.seed) == ("kd", "report", 2))
    lucky = bad.model_copy(update={"id": "f" * 16, "supersedes": (bad.id,)})
    assert submitted([*records, lucky]) >= {("refuse", "superseded", "kd"), ("refuse", "ids", "kd")}


def test_a_prolonged_search_is_no_excuse_for_another_score(sweep, submitted):
    """The same configuration that won out of more trials was not trained again: it has the scores that it had."""
    records = sweep()
    bad = next(r for r in records if (r.cell.method, r.kind, r.seed) == ("kd", "report", 2))
    search = bad.search.model_copy(update={"trials": bad.search.trials + 2})
    grown = bad.model_copy(update={"id": "f" * 16, "supersedes": (bad.id,), "search": search})
    better = bad.metrics.model_copy(update={"test": {**bad.metrics.test, "accuracy": 0.99}})
    assert ("refuse", "superseded", "kd") not in submitted([*records, grown])
    assert ("refuse", "superseded", "kd") in submitted([*records, grown.model_copy(update={"metrics": better})])


def test_a_row_that_says_it_is_older_than_the_boards(sweep, submitted):
    early = [r.model_copy(update={"created": "2020-01-01T00:00:00Z", "store_id": "e" * 16}) for r in sweep("2" * 16)]
    assert {(level, check) for level, check, _ in submitted(early, beside=sweep())} >= {("refuse", "times")}


def test_fewer_tuning_seeds_under_the_same_budget(sweep, submitted):
    fewer = [r for r in sweep() if not (r.cell.method == "kd" and r.kind == "trial" and r.seed == 101)]
    assert ("refuse", "budget", "kd") in submitted(fewer)
    assert ("refuse", "seeds", "kd") in submitted(fewer, beside=sweep())


def test_anothers_runs_under_a_new_name(sweep, submitted):
    runs = {r.seed: r.metrics.test for r in sweep() if (r.cell.method, r.kind) == ("kd", "report")}
    touched = metrics(
        test=lambda r, _: {name: value * (1 + 1e-8) for name, value in runs[r.seed].items() if name != "accuracy"}
    )
    assert ("look", "copied rows", "krd") in submitted(forged(sweep(), "krd", metrics=touched))


def test_runs_that_took_no_time(sweep, submitted):
    instant = forged(sweep(), "kd", timings=lambda _: Timings(train_s=0.0, epochs=200))
    assert ("look", "times", "kd") in submitted(instant)


# ---- Five more ------------------------------------------------------------------------------------------------------


def test_an_ablation_that_says_it_repeats_the_row_and_has_other_scores(sweep, submitted):
    """Own terms look good where the ablated runs are made up; as a repeat of the row's they would need no training."""
    records = sweep()
    row = [r for r in records if (r.cell.method, r.kind) == ("kd", "report")]

    def ablated(score, of=lambda r: r.id):
        made = []
        for record in row:
            search = record.search.model_copy(update={"selection": "ablated"})
            test = {**record.metrics.test, "accuracy": score(record)}
            changes = {"search": search, "metrics": record.metrics.model_copy(update={"test": test})}
            timings = record.timings.model_copy(update={"train_s": 0.0})
            made.append(record.model_copy(update=changes | {"repeats": of(record), "timings": timings}))
        return [*records, *(r.model_copy(update={"id": id_of(r)}) for r in made)]

    honest = submitted(ablated(lambda r: r.metrics.test["accuracy"]))
    assert ("refuse", "repeats", "kd") not in honest
    assert ("refuse", "repeats", "kd") in submitted(ablated(lambda _: 0.5))
    assert ("refuse", "repeats", "kd") in submitted(ablated(lambda r: r.metrics.test["accuracy"], lambda _: "f" * 32))


def test_runs_on_the_splits_that_suit_them(sweep, submitted):
    """Seeds 0 to 4 all the same, each on the one split of many on which the method does well."""
    lucky = forged(sweep("2" * 16), "kd", cell=lambda r: r.cell.model_copy(update={"split_seed": 77}))
    assert ("refuse", "split", "kd") in submitted(lucky, beside=sweep())
    assert not {each for each in submitted(sweep("2" * 16), beside=sweep()) if each[1] == "split"}


def test_initialisations_that_are_not_the_seeds(sweep, submitted):
    """One split, and of many initialisations the best under the names of the track's seeds."""
    picked = forged(sweep(), "kd", ids=False, init_seed=lambda r: 1000 + r.seed)
    assert ("refuse", "seeds", "kd") in submitted(picked)
    teacher = forged(sweep(), "kd", ids=False, init_seed=lambda r: r.seed, teacher_seed=lambda _: 31)
    assert ("refuse", "seeds", "kd") in submitted(teacher)
    crossed = forged(sweep(), "kd", ids=False, init_seed=lambda r: r.seed, teacher_seed=lambda r: r.cell.split_seed)
    assert submitted(crossed) == set()
