"""What the own term is worth: the locked configuration is reported again with the term off, once a seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.records import Record, read_records
from graph_distillery.bench.sweeps.cost.estimate import estimate, progress_of
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.executors.in_process import InProcessExecutor
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.store import files
from graph_distillery.bench.sweeps.store.kept_status import read_status
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.sweeps.sweep import run_sweep

PlanOf = Callable[..., Plan]
Essence = Callable[[Path], dict[str, Any]]
SEEDS = (0, 1)


def reports(store: Path, method: str) -> dict[tuple[str, int], Record]:
    """Of a method, by selection and seed."""
    found: dict[tuple[str, int], Record] = {}
    for record in read_records(store).records:
        if record.kind == "report" and record.cell.method == method and record.search and record.search.selection:
            assert (record.search.selection, record.seed) not in found
            found[record.search.selection, record.seed] = record
    return found


def locked(of: dict[tuple[str, int], Record]) -> dict[str, Any]:
    """The locked configuration."""
    return dict(next(record.hparams for (selection, _), record in of.items() if selection in ("tuned", "both")))


def test_every_method_and_no_control_is_reported_without_its_own_term_too(plan_of: PlanOf, tmp_path: Path) -> None:
    store = tmp_path / "store"
    plan = plan_of(methods=["glnn", "kd+fitnet", "kd"], search={"trials": 3, "seeds": [100, 101]})
    before = estimate(plan, progress_of(plan, store), Means())
    assert run_sweep(plan, store).ok
    off = {
        "glnn": {"method.label_weight": 1.0},
        "kd+fitnet": {"method.beta": 0.0},
        "kd": {"method.alpha": 0.0},
    }
    for method, values in off.items():
        found = reports(store, method)
        assert {selection for selection, _ in found} in ({"default", "tuned", "ablated"}, {"both", "ablated"})
        for seed in SEEDS:
            ablated = found["ablated", seed]
            assert ablated.hparams == locked(found) | values != locked(found)
            assert (ablated.status, ablated.repeats) == ("ok", None)
            assert ablated.search is not None
            assert ablated.search.trials == 3
    for control in ("supervised", "teacher", "majority"):
        assert "ablated" not in {selection for selection, _ in reports(store, control)}
    records = read_records(store).records
    timed = {record.search.selection for record in records if record.kind == "speed" and record.search}
    assert "ablated" not in timed
    # 4 searches of 3 trials on 2 seeds; 2 configurations of each, 2 controls, 3 without own terms, on 2 seeds
    assert before.trainings == 4 * 3 * 2 + (4 * 2 + 2 + 3) * 2
    assert all(cell.reports_done == cell.reports_total for cell in read_status(store).cells)
    assert len({record.id for record in records}) == len(records)


def test_without_the_term_glnn_trains_what_supervised_trains(plan_of: PlanOf, tmp_path: Path) -> None:
    fix = {"lr": 0.02, "weight_decay": 0.001, "dropout": 0.1, "hidden": 8, "layers": 2, "epochs": 5}
    plan = plan_of(students=[{"model": "mlp", "fix": fix}], search={"trials": 2, "seeds": [100]})
    assert run_sweep(plan, tmp_path / "store").ok
    alone, glnn = reports(tmp_path / "store", "supervised"), reports(tmp_path / "store", "glnn")
    for seed in SEEDS:
        student = next(record for (_, number), record in alone.items() if number == seed)
        assert glnn["ablated", seed].metrics == student.metrics


@pytest.mark.parametrize("scheme", [1, 2])
def test_a_term_that_the_spec_switched_off_is_worth_nothing_and_costs_nothing(
    small: Callable[..., dict[str, Any]], tmp_path: Path, scheme: Any
) -> None:
    methods = [{"name": "glnn", "fix": {"label_weight": 1.0}}]
    spec = parse_spec(small(methods=methods, search={"trials": 2, "seeds": [100]}), "spec")
    plan, store = make_plan(spec, id_scheme=scheme), tmp_path / "store"
    by_label = {cell.label: cell for cell in progress_of(plan, store).cells}
    glnn = next(cell for label, cell in by_label.items() if "glnn" in label)
    assert glnn.trainings_left == 2 + 2 * 2
    assert run_sweep(plan, store).ok
    found = reports(store, "glnn")
    standing = "tuned" if ("tuned", 0) in found else "both"
    for seed in SEEDS:
        ablated, known = found["ablated", seed], found[standing, seed]
        assert ablated.metrics == known.metrics
        assert (ablated.repeats, ablated.timings.train_s, ablated.supersedes) == (known.id, 0.0, None)
    assert next(cell for cell in read_status(store).cells if "glnn" in cell.label).state == "done"
    assert run_sweep(plan, store).new == 0


class Killed(Exception):
    """The driver's process ends here."""


@pytest.mark.parametrize("switched_off", [False, True], ids=["trained", "repeated"])
def test_a_killed_sweep_comes_to_the_same_records(
    plan_of: PlanOf, tmp_path: Path, essence_of: Essence, switched_off: bool
) -> None:
    methods = [{"name": "glnn", "fix": {"label_weight": 1.0} if switched_off else {}}]
    plan = plan_of(methods=methods, search={"trials": 1, "seeds": [100]})
    whole = tmp_path / "whole"
    assert run_sweep(plan, whole).ok
    order = [record.id for record in read_records(whole).records if record.kind == "report"]
    ablated = [r.id for r in read_records(whole).records if r.search and r.search.selection == "ablated"]
    for kill_at in (order[order.index(ablated[0]) - 1], ablated[0]):  # before the first, and after it
        store = tmp_path / kill_at

        def kill(record: Record, at: str = kill_at) -> None:
            if record.id == at:
                raise Killed

        with Store(store, plan) as opened:
            driver = Driver(plan, opened)
            driver.listen(kill)
            with pytest.raises(Killed):
                driver.run(InProcessExecutor(opened.artefacts.load))
        assert run_sweep(plan, store).ok
        assert essence_of(store) == essence_of(whole)


def as_before(store: Path) -> None:
    """Make of a store's plan one from before there were ablated runs."""
    content = json.loads((store / files.PLAN).read_text())
    assert content["spec"]["report"].pop("ablated") is False
    assert not any("own_term" in cell for cell in content["cells"])
    (store / files.PLAN).write_text(json.dumps(content))


def test_an_older_store_gets_no_new_work_until_a_spec_asks_for_it(
    plan_of: PlanOf, tmp_path: Path, essence_of: Essence
) -> None:
    old, store = plan_of(report={"seeds": 2, "ablated": False}), tmp_path / "store"
    assert run_sweep(old, store).ok
    as_before(store)
    before = essence_of(store)
    assert {cell.state for cell in read_status(store).cells} == {"done"}
    assert run_sweep(plan_of(), store).new == 0  # the same spec, whose default has changed
    assert files.plan_of(store).id == plan_of().id == old.id
    more = run_sweep(plan_of(report={"seeds": 2, "ablated": True}), store)
    assert more.new == len(SEEDS)
    assert run_sweep(plan_of(), tmp_path / "once").ok
    assert essence_of(store) == essence_of(tmp_path / "once")
    assert before.items() <= essence_of(store).items()
    said: list[str] = []
    again = run_sweep(plan_of(report={"seeds": 2, "ablated": False}), store, on_message=said.append)
    assert (again.new, [line for line in said if "ablated" in line]) == (
        0,
        [f"{store}: report.ablated: true stays: what a store was asked for, it keeps"],
    )


def test_of_a_prolonged_search_the_new_winner_is_ablated(plan_of: PlanOf, tmp_path: Path) -> None:
    fields = {"search": {"trials": 2, "seeds": [100]}, "datasets": ["csbm"]}
    grown, once = tmp_path / "grown", tmp_path / "once"
    longer = {**fields, "search": {"trials": 8, "seeds": [100]}}
    assert run_sweep(plan_of(**fields), grown).ok
    assert run_sweep(plan_of(**longer), grown).ok
    assert run_sweep(plan_of(**longer), once).ok
    for method in ("glnn", "supervised"):
        assert reports(grown, method).keys() == reports(once, method).keys()
    for (selection, seed), record in reports(once, "glnn").items():
        other = reports(grown, "glnn")[selection, seed]
        assert (other.hparams, other.metrics, other.search) == (record.hparams, record.metrics, record.search)
    assert all(cell.reports_done == cell.reports_total for cell in read_status(grown).cells)
