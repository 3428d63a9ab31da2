"""Scores that do not follow from predictions, and predictions that contradict each other, are refused."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from graph_distillery.bench.records import Items
from graph_distillery.bench.records.predictions import PredictedPart, Predictions, place_of, write_predictions
from graph_distillery.leaderboard.submission import check_submission

NUMBERS = np.arange(50, 1050)
TRUTH = np.random.default_rng(0).integers(0, 7, NUMBERS.size)


def digest(items):
    return hashlib.sha256(f"{items.size};".encode() + items.astype("<i8").tobytes()).hexdigest()


@pytest.fixture
def submitted(honest, make_store):
    """Writes a store whose report runs have predictions that give their scores; `change` may alter one seed's."""

    def build(name, change=lambda seed, part: part, truth=TRUTH, method="kd", errors=None):
        told, files = [], []
        for record in honest(method):
            if record.kind == "report":
                rng = np.random.default_rng(record.seed if errors is None else errors)
                wrong = np.zeros(NUMBERS.size, dtype=bool)
                wrong[rng.choice(NUMBERS.size, round(NUMBERS.size * (1 - record.metrics.test["accuracy"])), False)] = (
                    True
                )
                labels = np.where(wrong, (truth + 1 + record.seed % 5) % 7, truth)[None]
                part = change(record.seed, PredictedPart(NUMBERS, labels, right=labels == truth))
                content = Predictions({"all": part}).to_bytes(7)
                files.append(content)
                accuracy = float((~wrong).mean())
                metrics = record.metrics.model_copy(update={"test": {**record.metrics.test, "accuracy": accuracy}})
                cell = record.cell.model_copy(
                    update={"test_sha256": digest(NUMBERS), "items": Items(train=20, val=30, test=NUMBERS.size)}
                )
                sha256 = hashlib.sha256(content).hexdigest()
                record = record.model_copy(update={"predictions_sha256": sha256, "metrics": metrics, "cell": cell})
            told.append(record)
        store = make_store(told, name)
        for content in files:
            write_predictions(store, content)
        return store

    return build


def refused(store, beside=()):
    return [
        each.text
        for each in check_submission(store, beside, suite="0.1.0").findings
        if (each.level, each.check) == ("refuse", "predictions")
    ]


def test_scores_that_follow_are_not_refused_also_beside_a_board(submitted):
    assert refused(submitted("own"), [submitted("board", method="glnn")]) == []


def test_what_does_not_follow_is_refused_with_the_reason(submitted):
    def lying(seed, part):
        right = part.right.copy()
        right[0, np.flatnonzero(~right[0])[:3]] = True
        return PredictedPart(part.items, part.labels, right=right) if seed == 1 else part

    def shifted(seed, part):
        return PredictedPart(part.items + 1, part.labels, right=part.right) if seed == 1 else part

    def fewer(seed, part):
        return PredictedPart(part.items[:9], part.labels[:, :9], right=part.right[:, :9]) if seed == 1 else part

    def nothing_right(seed, part):
        labels = (TRUTH + 1)[None] % 7
        return PredictedPart(part.items, labels, right=labels == TRUTH) if seed == 1 else part

    (text,) = refused(submitted("nothing right", nothing_right))
    assert text.endswith("where its predictions give 0")
    (text,) = refused(submitted("lying", lying))
    assert text.startswith("seed 1: accuracy 0.")
    assert "where its predictions give 0." in text
    assert refused(submitted("shifted", shifted)) == ["seed 1: predictions for other items than those of its split"]
    assert refused(submitted("fewer", fewer)) == ["seed 1: predictions for 9 items, where 1000 are tested"]
    lost = submitted("lost")
    next((lost / "predictions").iterdir()).unlink()
    assert len(refused(lost)) == 1


def test_made_up_labels_contradict_the_boards_runs_and_each_other(submitted):
    """Right and wrong can be made up for a score; then what is right is another label than in honest runs."""
    other = np.random.default_rng(1).integers(0, 7, NUMBERS.size)
    board, made_up = submitted("board"), submitted("made-up", truth=other, method="glnn")
    assert refused(made_up) == []  # consistent in itself, which is all that a store alone can be
    texts = refused(made_up, [board])
    assert texts
    assert all("another true label than other runs" in text for text in texts)


def test_predictions_tell_a_method_without_randomness_from_copies(submitted, make_store):
    from graph_distillery.bench.records import read_records

    store = submitted("same", errors=3)
    records = read_records(store).records
    first = next(r for r in records if r.kind == "report")
    same = [
        r.model_copy(update={"metrics": first.metrics, "predictions_sha256": first.predictions_sha256})
        if r.kind == "report"
        else r
        for r in records
    ]
    for name, update, expected in (("deterministic", {}, False), ("jittered", {"nll": 1e-7}, True)):
        told = [
            r.model_copy(
                update={"metrics": r.metrics.model_copy(update={"test": {
                    **r.metrics.test, "nll": r.metrics.test["nll"] * (1 + update.get("nll", 0) * r.seed)}})}
            )
            if r.kind == "report"
            else r
            for r in same
        ]  # fmt: skip
        path = make_store(told, name)
        write_predictions(path, place_of(store, first.predictions_sha256).read_bytes())
        found = {(each.level, each.check) for each in check_submission(path, suite="0.1.0").findings}
        assert (("refuse", "copied seeds") in found) is expected, name
