"""A sweep on each executor: stopped and begun again, it comes to the records of one that was left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.records import Record, read_records
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.executors import Executor
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.sweeps.sweep import run_sweep


class Stop(Exception):
    """The driver's end, in the middle."""


@pytest.fixture(scope="module")
def undisturbed(plugged_in: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Path]:
    """A choice of two teachers, and propagated features in the setting where these differ from seed to seed."""
    small = {"hidden": 8, "epochs": 4}
    spec = {
        "name": "carried",
        "datasets": ["csbm"],
        "setting": "inductive",
        "teachers": [[{"model": "gcn", **small}, {"model": "sage", **small}]],
        "students": [{"model": "mlp", "layers": 2, **small}],
        "methods": ["committee", "sgc"],
        "search": {"trials": 6, "seeds": [100]},
        "report": {"seeds": 2},
    }
    plan, store = make_plan(parse_spec(spec, "spec.yaml")), tmp_path_factory.mktemp("undisturbed") / "store"
    assert run_sweep(plan, store).ok
    return plan, store


def made_in(store: Path) -> dict[str, int]:
    """When each artefact of a store was written."""
    facts = [*store.glob("teachers/*/teacher.json"), *store.glob("artefacts/*/artefact.json")]
    return {each.parent.name: each.stat().st_mtime_ns for each in facts}


@pytest.mark.parametrize("kind", ["in process", "processes", pytest.param("ray", marks=pytest.mark.slow)])
def test_a_sweep_that_was_stopped_goes_on_to_the_same_records_and_makes_nothing_twice(
    kind: str,
    connect: Callable[[str], None],
    made_by: Callable[[str, Path], Executor],
    undisturbed: tuple[Plan, Path],
    essence_of: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
) -> None:
    connect(kind)
    plan, store = undisturbed[0], tmp_path / "store"
    made: list[dict[str, int]] = []
    for most in (14, 1000):

        def listen(record: Record, most: int = most) -> None:
            if len(read_records(store).records) >= most:
                raise Stop

        with Store(store, plan) as opened:
            driver, executor = Driver(plan, opened), made_by(kind, store)
            driver.listen(listen)
            try:
                driver.run(executor)
            except Stop:
                assert most == 14
            finally:
                executor.close(kill=True)
        made.append(made_in(store))
    assert essence_of(store) == essence_of(undisturbed[1])
    assert made[0].items() < made[1].items()
    assert made[1].keys() == made_in(undisturbed[1]).keys()
    propagated = {key for key in made[1] if (store / "artefacts" / key).is_dir()}
    assert len(propagated) >= 3 + 2  # by the seed of the split, and by what the trials tried
