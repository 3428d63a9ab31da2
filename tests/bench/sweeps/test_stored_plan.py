"""The plan that a store keeps, and stores from before stores kept one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Record, read_records
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.plan.stored import parse_stored, store_plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.store import files
from graph_distillery.bench.sweeps.store.kept_status import read_status
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.search_spaces import library, load_space

PlanOf = Callable[..., Plan]
MLP = {"model": "mlp", "hidden": 8, "layers": 2, "epochs": 5}
EXAMPLE = Path("leaderboard/example/stores")


def ids(plan: Plan) -> set[str]:
    return {each.id for each in (*plan.searches, *plan.teachers)}


def ids_and_scores(store: Path) -> set[tuple[str, ...]]:
    records = read_records(store).records
    return {(r.kind, r.id, r.status, json.dumps([r.hparams, r.metrics.model_dump()], sort_keys=True)) for r in records}


def interrupted(plan: Plan, store: Path, records: int) -> None:
    """Carry a plan out until it has so many records."""

    def listener(driver: Driver) -> Callable[[Record], None]:
        def tell(record: Record) -> None:
            if driver.store.appended == records:
                raise KeyboardInterrupt

        return tell

    with pytest.raises(KeyboardInterrupt):
        run_sweep(plan, store, listener=listener)


@pytest.fixture
def changed_kd(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Another default and another range of kd, as a later version might have them."""

    def change() -> None:
        kd = load_space("method", "kd")
        tau = kd.parameters["tau"].model_copy(update={"default": 2.0})
        alpha = kd.parameters["alpha"].model_copy(update={"float_range": (0.2, 0.95)})
        changed = kd.model_copy(update={"parameters": {**kd.parameters, "tau": tau, "alpha": alpha}})
        monkeypatch.setitem(library._registered, ("method", "kd"), changed)

    return change


def test_a_stored_plan_is_the_plan_with_every_id_and_space(plan_of: PlanOf, repo_root: Path) -> None:
    plan = plan_of(
        datasets=["karate", "csbm"],
        teachers=[{"model": "sage", "tune": 2}, "gcn"],
        students=["mlp", {"model": "gcn", "fix": {"batch_size": None}}],
        methods=["glnn", {"name": "kd", "space": {"alpha": {"float": [0.1, 0.9]}}}, "lsp", "oad", "gfkd"],
        search={"objectives": ["accuracy", "latency"], "lock": {"within": 1}, "transfer": True},
    )
    text = store_plan(plan, (), "1.0").to_json()
    read = parse_stored(text, "plan.json").plan()
    assert read == plan
    assert [cell.space.identity() for cell in read.searches] == [cell.space.identity() for cell in plan.searches]
    assert make_plan(read.spec, spaces=read.spaces) == plan  # each id made anew from what was stored
    said = json.loads(text)["spec"]["search"].keys()
    assert said == type(plan.spec.search).model_fields.keys() - {"inits"}  # which seeds and splits say
    with pytest.raises(UserError, match=r"^plan\.json: version: input should be 1, got 2$"):
        parse_stored(text.replace('"version": 1', '"version": 2'), "plan.json")


def test_a_changed_search_space_changes_nothing_in_a_store_that_was_made_before_it(
    plan_of: PlanOf, tmp_path: Path, changed_kd: Callable[[], None]
) -> None:
    search: dict[str, Any] = {"trials": 3, "seeds": [100]}
    fields = {"methods": ["kd"], "students": [MLP], "search": search}
    assert run_sweep(plan_of(**fields), tmp_path / "whole").ok
    half, plan = tmp_path / "half", plan_of(**fields)
    interrupted(plan, half, 4)
    changed_kd()
    today = plan_of(**fields)
    assert today.id != plan.id
    assert ids(today) != ids(plan)
    assert read_status(half).plan == plan
    assert run_sweep(today, half).ok
    assert ids_and_scores(half) == ids_and_scores(tmp_path / "whole")
    assert all(cell.state == "done" for cell in read_status(half).cells)
    kd = next(cell for cell in files.plan_of(half).cells if cell.method.name == "kd")
    assert kd.defaults["method.tau"] == next(c for c in plan.cells if c.id == kd.id).defaults["method.tau"] != 2.0
    grown = files.plan_in(
        half, plan_of(**{**fields, "search": {**search, "trials": 5}, "methods": ["kd", "glnn"]}).spec
    )
    assert ids(plan) < ids(grown)  # what is added is added under the store's own spaces
    assert {cell.trials for cell in grown.cells if cell.method.name == "kd"} == {5}


def as_before(store: Path) -> None:
    """Make of a store one of the time before stores kept their plan."""
    (store / files.PLAN).unlink()


def test_a_store_without_a_plan_goes_on_under_its_own_ids_and_then_keeps_one(
    small: Callable[..., dict[str, Any]], tmp_path: Path, changed_kd: Callable[[], None]
) -> None:
    fields = {"methods": ["kd"], "students": [MLP], "search": {"trials": 4, "seeds": [100]}}
    fields["report"] = {"seeds": 2, "ablated": False}  # what there was then
    spec = parse_spec(small(**fields), "spec")
    old = make_plan(spec, id_scheme=1)
    assert run_sweep(old, tmp_path / "whole").ok
    interrupted(old, tmp_path / "old", 6)
    as_before(tmp_path / "old")
    assert files.plan_of(tmp_path / "old") == old != make_plan(spec)
    longer = parse_spec(small(**{**fields, "search": {"trials": 5, "seeds": [100]}}), "spec")
    with pytest.raises(UserError, match=r"search\.trials: 4 there, 5 here; the store is of an earlier version"):
        run_sweep(make_plan(longer), tmp_path / "old")
    assert not (tmp_path / "old" / files.PLAN).exists()
    assert run_sweep(make_plan(spec), tmp_path / "old").ok
    assert ids_and_scores(tmp_path / "old") == ids_and_scores(tmp_path / "whole")
    assert files.read_facts(tmp_path / "old").plan_id == old.id
    changed_kd()
    assert read_status(tmp_path / "old").plan == old
    more = parse_spec(small(**{**fields, "report": {"seeds": 3}}), "spec")
    assert run_sweep(make_plan(more), tmp_path / "old").ok
    told = ids_and_scores(tmp_path / "old") - ids_and_scores(tmp_path / "whole")
    assert {r.seed for r in read_records(tmp_path / "old").records if r.id in {each[1] for each in told}} == {2}
    as_before(tmp_path / "old")
    with pytest.raises(UserError, match="under other search spaces or defaults"):
        read_status(tmp_path / "old")


@pytest.mark.parametrize("name", ["example-board", "example-board-framelets"])
def test_the_committed_stores_have_the_ids_they_had(repo_root: Path, name: str) -> None:
    """They were made before stores kept their plan, and `at` and `fitnet` have other spaces by now."""
    store = repo_root / EXAMPLE / name
    plan = files.plan_of(store)
    assert plan.id == files.read_facts(store).plan_id
    assert parse_stored(store_plan(plan, (), "1.0").to_json(), "plan.json").plan() == plan
    assert {record.cell.id for record in read_records(store).records} <= ids(plan)
    assert all(cell.state == "done" for cell in read_status(store).cells)


def test_a_store_that_was_only_begun_is_not_called_none(tmp_path: Path) -> None:
    (tmp_path / "begun" / "records").mkdir(parents=True)
    (tmp_path / "begun" / ".lock").touch()
    with pytest.raises(UserError, match="a store was begun here and nothing is in it yet"):
        read_status(tmp_path / "begun")
    with pytest.raises(UserError, match=r"is no store \(there is nothing at"):
        read_status(tmp_path / "nowhere")


def test_what_is_done_needs_no_hyperparameter_of_today(
    plan_of: PlanOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later version takes kd's node_set away: a store that is done resumes, one with runs of kd left does not."""
    from graph_distillery.methods import METHODS
    from graph_distillery.methods.contract import Hyperparameters

    class Fewer(Hyperparameters):
        alpha: float = 0.9
        tau: float = 4.0

    plan, store = plan_of(methods=["kd", "glnn"], search={"trials": 1, "seeds": [100]}), tmp_path / "store"
    assert run_sweep(plan, store).ok
    monkeypatch.setattr(METHODS.load("kd"), "Hyperparameters", Fewer)
    assert run_sweep(plan, store).new == 0
    reports = store / "records" / "report.jsonl"
    lines = reports.read_text().splitlines(keepends=True)
    of = {
        method: next(n for n, line in enumerate(lines) if f'"method":"{method}"' in line) for method in ("glnn", "kd")
    }
    reports.write_text("".join(line for number, line in enumerate(lines) if number != of["glnn"]))
    assert run_sweep(plan, store).new == 1  # the other method's
    reports.write_text("".join(line for number, line in enumerate(lines) if number != of["kd"]))
    with pytest.raises(UserError, match=r" kd: method 'kd': node_set: Extra inputs are not permitted"):
        run_sweep(plan, store)
