"""A score that is no number becomes a record that says so, wherever it comes from; the sweep goes on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from graph_distillery.bench.data.loaders.embedded.loader import karate
from graph_distillery.bench.data.splits import make_split
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.executors.in_process import InProcessExecutor
from graph_distillery.bench.sweeps.jobs import EpochReport, Outcome, finite
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.training.engine import Configuration, train
from graph_distillery.bench.training.judging import judge_test
from graph_distillery.bench.training.problem import ProblemKey, load_problem, open_test_set


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("part", ["validation", "test"])
def test_any_score_of_any_part_makes_the_outcome_nan(part: str, value: float) -> None:
    """One name in both parts must not hide the other's value."""
    scores = {"accuracy": 0.5, "nll": 1.0}
    good = Outcome("key", 0, "ok", validation=scores, test=scores)
    assert finite(good) is good
    bad = finite(replace(good, **{part: {**scores, "accuracy": value}}))
    assert (bad.status, bad.error) == ("nan", f"accuracy of the {part} items is {value}")
    assert (dict(bad.validation), bad.test, bad.artefact) == ({}, None, None)


class Undefined(InProcessExecutor):
    """What glnn sends has a validation score that is no number, as a worker of another version may send it."""

    def next_event(self) -> EpochReport | tuple[Outcome, bool]:
        job = self._job
        event = super().next_event()
        assert job is not None
        if isinstance(event, tuple) and job.configuration.method == "glnn":
            return replace(event[0], validation={"accuracy": math.nan}), event[1]
        return event


def test_the_sweep_goes_on(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    plan = plan_of(methods=["supervised", "glnn"])
    for again in (False, True):
        with Store(tmp_path / "store", plan) as store:
            driver = Driver(plan, store)
            driver.run(Undefined(store.artefacts.load))
            records = [record for record in store.records if record.cell.method == "glnn"]
            others = [record for record in store.records if record.cell.method == "supervised" and record.search]
            assert store.appended == 0 if again else store.appended
    trials = [record for record in records if record.kind == "trial"]
    assert trials
    assert {(record.status, record.error) for record in trials} == {("nan", "accuracy of the validation items is nan")}
    assert {record.status for record in others} <= {"ok", "pruned"}
    assert {record.kind for record in others} == {"trial", "report", "speed"}


def test_training_ends_where_no_epoch_can_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """NaN passes no comparison: the untrained state would stay the best one."""
    problem = load_problem(ProblemKey("karate", "public", "transductive"), 0)
    monkeypatch.setattr(type(problem.training.task), "main_score", lambda *_: math.nan)
    configuration = Configuration("supervised", student="mlp", student_hyper={"epochs": 3, "hidden": 4})
    with pytest.raises(FloatingPointError, match="accuracy of the validation items is nan in epoch 0"):
        list(train(configuration, [0], lambda _: problem, lambda _: ()))


@pytest.mark.parametrize("setting", ["transductive", "inductive"])
def test_records_hold_the_share_of_the_largest_class_of_what_was_judged(setting: str) -> None:
    key = ProblemKey("karate", "random-60-20-20", setting)
    problem = load_problem(key, 3)
    (trained,) = train(Configuration("majority"), [3], lambda _: problem, lambda _: ())
    _, split = make_split(karate(), "random-60-20-20", 3)
    labels = karate().labels

    def share(items: torch.Tensor) -> float:
        return float(labels[items].bincount().max()) / len(items)

    assert trained.validation["largest_class"] == share(split.val)
    test = judge_test(trained.method, problem, open_test_set(key, 3))
    assert test["largest_class"] == share(split.test)
