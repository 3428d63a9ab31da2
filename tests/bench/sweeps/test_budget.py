"""What fits a budget of time is done, the shortest first; the rest is left for a later call, which changes nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.cost import budget
from graph_distillery.bench.sweeps.cost.budget import TIME_IS_UP, Allowance, what_fits
from graph_distillery.bench.sweeps.cost.estimate import SPEED_S, Parts
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.executors.in_process import InProcessExecutor
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.outcome import outcome_of
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.sweeps.sweep import run_sweep

METHODS = ["glnn", "kd", "supervised"]
TEACHER_S = 100.0


@pytest.fixture
def taking(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``taking(plan, glnn=5.0)``: says what the cells of each method take, and each teacher 100 s; others nothing."""

    def say(plan: Plan, **seconds: float | None) -> None:
        cells = {cell.id: seconds.get(cell.method.name, 0.0) for cell in plan.searches}
        teachers = {teacher.id: TEACHER_S for teacher in plan.teachers}
        parts = Parts(cells, teachers, {}, dict.fromkeys(cells, 1), 0)
        monkeypatch.setattr(budget, "parts_of", lambda *_: parts)

    return say


def fitting(plan: Plan, tmp_path: Path, seconds: float) -> list[str]:
    """The methods of the cells that fit, in their order."""
    methods = {cell.id: cell.method.name for cell in plan.searches}
    return [methods[each] for each in what_fits(plan, tmp_path / "store", Means(), seconds).cells]


def test_the_shortest_come_first_and_a_teacher_counts_once(
    plan_of: Callable[..., Plan], taking: Callable[..., None], tmp_path: Path
) -> None:
    plan = plan_of(methods=METHODS)
    taking(plan, glnn=30.0, kd=20.0, supervised=50.0)
    in_turn = ["majority", "supervised", "teacher", "kd", "glnn"]
    for number, upto in enumerate(itertools.accumulate([0.0, 50.0, TEACHER_S, 20.0, 30.0]), start=1):
        exactly = upto + number * SPEED_S
        assert fitting(plan, tmp_path, exactly + 0.3) == in_turn[:number]
        assert fitting(plan, tmp_path, exactly - 0.1) == in_turn[: number - 1]


def test_what_cannot_be_timed_and_what_does_not_fit_is_named(
    plan_of: Callable[..., Plan], taking: Callable[..., None], tmp_path: Path
) -> None:
    plan = plan_of(methods=METHODS)
    taking(plan, glnn=None, kd=7200.0)
    allowance = what_fits(plan, tmp_path / "store", Means(), 300.0)
    why = {cell.method.name: allowance.why_not(cell.id) for cell in plan.cells}
    assert why == {
        "glnn": "cannot be timed",
        "kd": "about 2 h 0 min do not fit",
        "supervised": None,
        "teacher": None,
        "majority": None,
    }


def test_a_cell_brings_the_search_of_its_teacher_and_those_it_learns_from(
    plan_of: Callable[..., Plan], taking: Callable[..., None], tmp_path: Path
) -> None:
    teachers = [{"model": "sage", "hidden": 8, "epochs": 5, "tune": 2}]
    search = {"trials": 2, "seeds": [100], "transfer": True}
    plan = plan_of(teachers=teachers, search=search, datasets=["karate", "digits-knn"], split="random-60-20-20")
    taking(plan)
    allowance = what_fits(plan, tmp_path / "store", Means(), 1e6)
    place = {each: number for number, each in enumerate(allowance.cells)}
    assert not allowance.left
    for cell in plan.cells:
        for teacher in cell.teachers:
            assert teacher.search is not None
            assert place[teacher.search.id] < place[cell.id]
    of_glnn = [cell for cell in plan.cells if cell.method.name == "glnn"]
    assert [cell.data.dataset for cell in sorted(of_glnn, key=lambda cell: place[cell.id])] == ["karate", "digits-knn"]
    none = what_fits(plan, tmp_path / "store", Means(), 0.0)
    assert not none.cells
    assert set(none.left) == {cell.id for cell in plan.searches}


def test_the_rest_is_done_by_a_later_call_to_the_same_records(
    plan_of: Callable[..., Plan], taking: Callable[..., None], essence_of: Any, tmp_path: Path
) -> None:
    plan = plan_of(methods=METHODS)
    assert run_sweep(plan, tmp_path / "whole").ok
    taking(plan, glnn=1e6, kd=1e6, supervised=1e6)
    some = run_sweep(plan, tmp_path / "store", budget_s=600.0)
    assert some.ok
    assert {cell.identity["method"] for cell in some.cells if cell.finished} == {"teacher", "majority"}
    assert all(cell.left and not cell.hindrance for cell in some.cells if not cell.finished)
    taking(plan, glnn=1e6, kd=1e6)
    more = run_sweep(plan, tmp_path / "store", budget_s=600.0)
    assert {cell.identity["method"] for cell in more.cells if not cell.finished} == {"glnn", "kd"}
    assert run_sweep(plan, tmp_path / "store", budget_s=0.0).new == 0
    rest = run_sweep(plan, tmp_path / "store")
    assert rest.ok
    assert all(cell.finished and cell.left is None for cell in rest.cells)
    assert essence_of(tmp_path / "store") == essence_of(tmp_path / "whole")
    with pytest.raises(UserError, match="--budget-hours"):
        run_sweep(plan, tmp_path / "store", speed_only=True, budget_s=1.0)


def test_when_the_time_is_up_nothing_more_is_begun(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    plan = plan_of()

    class Short(Allowance):
        """Is over once ten records are there."""

        @property
        def is_over(self) -> bool:
            return driver.store.appended >= 10

    with Store(tmp_path / "store", plan) as store:
        allowance = Short(tuple(cell.id for cell in plan.searches), {}, 0.0, 0.0)
        driver = Driver(plan, store, allowance=allowance)
        driver.run(InProcessExecutor(store.artefacts.load))
        assert 10 <= store.appended <= 13, "a job of three seeds was under way"
        outcome = outcome_of(driver, 0.0)
        assert outcome.ok
        assert TIME_IS_UP in {cell.left for cell in outcome.cells}
    assert run_sweep(plan, tmp_path / "store").ok
