"""Several stores are one set of records, or an error that names both places."""

from __future__ import annotations

import pytest

from graph_distillery.leaderboard import BoardError, load_stores


def test_copies_that_differ_in_when_and_how_long_count_once(make_record, make_store):
    here = make_record("glnn", 0.8)
    there = here.model_copy(
        update={
            "created": "2026-11-21T00:00:00Z",
            "store_id": "9" * 16,
            "timings": here.timings.model_copy(update={"train_s": 9.0}),
        }
    )
    one, two = make_store([here], "one"), make_store([there], "two")
    assert load_stores([one, two]).records == load_stores([two, one]).records
    assert len(load_stores([one, two, one]).records) == 1


def test_a_repeat_on_other_hardware_is_no_copy(make_record, make_store):
    here, there = make_record("glnn", 0.8), make_record("glnn", 0.9, fingerprint="2" * 16)
    stores = [make_store([here], "one"), make_store([there.model_copy(update={"id": here.id})], "two")]
    assert [r.metrics.test["accuracy"] for r in load_stores(stores).records] == [0.8, 0.9]


def test_copies_that_disagree_name_both_files(make_record, make_store):
    one = make_store([make_record("glnn", 0.8)], "one")
    two = make_store([make_record("glnn", 0.9).model_copy(update={"id": make_record("glnn", 0.8).id})], "two")
    with pytest.raises(BoardError, match=r"differs in metrics between .*one/.*report.jsonl:1 and .*two/.*:1"):
        load_stores([two, one])


def test_a_copy_by_another_engine_may_have_another_score(make_record, make_store):
    """Its last bits differ, and so may the epoch that is chosen; engine 1 is that of records which name none."""
    record = make_record("glnn", 0.8)
    again = make_record("glnn", 0.81).model_copy(update={"id": record.id, "engine": 2})
    old, new = make_store([record], "old"), make_store([again], "new")
    assert len(load_stores([old, new]).records) == len(load_stores([new, old]).records) == 1
    assert load_stores([old, new]).records == load_stores([new, old]).records
    same = make_store([again.model_copy(update={"engine": 1})], "same")
    with pytest.raises(BoardError, match="differs in metrics between"):
        load_stores([old, same])


def on_split(record, digit, **more):
    cell = record.cell.model_copy(update={"split_sha256": digit and digit * 64, **more})
    return record.model_copy(update={"cell": cell})


def test_a_copy_from_before_records_told_their_split_is_still_a_copy(make_record, make_store):
    record = make_record("glnn", 0.8)
    old, new = make_store([record], "old"), make_store([on_split(record, "a")], "new")
    assert len(load_stores([old, new]).records) == len(load_stores([new, old]).records) == 1
    other = make_store([on_split(record, "b")], "other")
    with pytest.raises(BoardError, match="differs in cell between"):
        load_stores([new, other])
    changed = make_store([on_split(record, None, dataset="citeseer")], "changed")
    with pytest.raises(BoardError, match="differs in cell between"):
        load_stores([new, changed])


def test_two_splits_of_one_name_and_seed_never_stand_on_one_board(make_record, make_store):
    one = [
        on_split(make_record("glnn", 0.8, split_seed=seed, seed=seed), digit) for seed, digit in ((0, "a"), (1, "b"))
    ]
    kd = make_record("kd", 0.7, split_seed=1, seed=1)
    same = [make_store(one, "one"), make_store([on_split(kd, "b")], "same"), make_store([on_split(kd, None)], "untold")]
    assert len(load_stores(same).records) == 3
    other = make_store([on_split(kd, "c")], "other")
    line = (
        r"^cora, split cpf, seed 1: records made on two different splits of that name, at .*one/.*:2 and .*other/.*:1$"
    )
    for stores in ([same[0], other], [other, same[0]]):
        with pytest.raises(BoardError, match=line):
            load_stores(stores)
    apart = make_store([on_split(kd, "c", dataset_sha256="7" * 64)], "apart")  # other data: another table
    assert len(load_stores([same[0], apart]).records) == 3


def test_speed_measured_on_two_machines_is_kept_twice(make_record, make_store):
    fast = make_record(kind="speed", speed=1.0)
    slow = make_record(kind="speed", speed=2.0, fingerprint="2" * 16).model_copy(update={"id": fast.id})
    stores = [make_store([fast], "one"), make_store([slow], "two")]
    assert {r.speed.full_forward_ms.p50 for r in load_stores(stores).records} == {1.0, 2.0}


def test_only_what_failed_gives_way_to_another_stores_record(make_record, make_store):
    failed, done = make_record("kd", None, status="failed"), make_record("glnn", 0.8)
    retried = make_record("kd", 0.7).model_copy(update={"supersedes": (failed.id,)})
    grabbing = make_record("glnn", 0.9, fingerprint="2" * 16).model_copy(update={"supersedes": (done.id,)})
    stores = [make_store([failed, done], "one"), make_store([retried, grabbing], "two")]
    for order in (stores, stores[::-1]):
        assert {record.id for record in load_stores(order).records} == {done.id, retried.id, grabbing.id}


def test_a_path_that_is_no_store_is_one_line(tmp_path):
    with pytest.raises(BoardError, match="not a store") as caught:
        load_stores([tmp_path])
    assert "\n" not in str(caught.value)


def test_a_torn_or_bad_line_is_one_line_that_names_it(make_runs, make_store):
    store = make_store(make_runs("glnn", [0.8, 0.9]))
    reports = store / "records" / "report.jsonl"
    whole = reports.read_bytes()
    first = whole.splitlines()[0]
    nan = first.replace(b'"accuracy":0.8', b'"accuracy":NaN')
    for bad, message in {
        whole[:-9]: r"report\.jsonl:2: torn last line of \d+ bytes left out; resume its sweep, which sets it aside",
        b"{}\n" + whole: r"report\.jsonl:1: ",
        whole[:100] + b"\n" + whole: r"report\.jsonl:1: ",
        first.replace(b'"schema":1', b'"schema":9')
        + b"\n": r"report\.jsonl:1: schema: this suite reads version 1, not 9",
        nan + b"\n": r"report\.jsonl:1: metrics\.test\.accuracy: .*finite",
    }.items():
        reports.write_bytes(bad)
        with pytest.raises(BoardError, match=message) as caught:
            load_stores([store])
        assert "\n" not in str(caught.value)


def test_a_test_score_in_a_tuning_trial_is_refused(make_record, make_store):
    store = make_store([make_record("kd", kind="trial")])
    trials = store / "records" / "trial.jsonl"
    trials.write_bytes(trials.read_bytes().replace(b'"test":null', b'"test":{"accuracy":0.9}'))
    with pytest.raises(BoardError, match=r"trial\.jsonl:1: metrics\.test: only report records read the test set"):
        load_stores([store])
