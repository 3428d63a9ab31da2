"""The same spec gives the same sweep, bit for bit: with any number of workers, on Ray, killed or not."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.study.study import Study
from graph_distillery.bench.sweeps.study.trial import Trial
from graph_distillery.bench.sweeps.sweep import run_sweep

PRUNERS = ("seed-racing", "asha")


@pytest.fixture
def plan(plan_of: Callable[..., Plan]) -> Callable[[str], Plan]:
    """Three cells of twelve trials, and those that every board has."""

    def build(pruner: str) -> Plan:
        search = {"trials": 12, "seeds": [100, 101, 102], "pruner": pruner, "sampler": "tpe", "min_epochs": 2}
        student = {"model": "mlp", "layers": 1, "hidden": 8, "norm": "none", "epochs": 8}
        return plan_of(students=[student], methods=["supervised", "glnn", "kd"], search=search, report={"seeds": 1})

    return build


@pytest.fixture(autouse=True)
def no_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a forward takes is the clock's to say, and takes longest here."""
    monkeypatch.setattr("graph_distillery.bench.sweeps.cell_run.CellRun.next_speed", lambda self: None)


def in_one_process(plan: Plan, folder: Path, essence_of: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    assert run_sweep(plan, folder / "one").ok
    records = read_records(folder / "one").records
    assert {record.status for record in records} == {"ok", "pruned"}, "nothing was pruned, so nothing is shown"
    return essence_of(folder / "one")


def killed_and_ended(plan: Plan, store: Path, means: Means, kills: int, records: int) -> None:
    """Interrupted at random records, each time with all that was under way, and then let to its end."""
    generator = random.Random(kills)
    for _ in range(kills):
        left = generator.randint(3, records // (kills + 1))

        def listen(record: Any) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_sweep(plan, store, means, listener=lambda driver: listen)
    assert run_sweep(plan, store, means).ok


@pytest.mark.parametrize("pruner", PRUNERS)
def test_workers_and_kills_change_nothing(
    pruner: str, plan: Callable[[str], Plan], tmp_path: Path, essence_of: Callable[[Path], dict[str, Any]]
) -> None:
    of = plan(pruner)
    expected = in_one_process(of, tmp_path, essence_of)
    counts = (1, 4) if pruner == "asha" else (2,)
    for workers in counts:
        assert run_sweep(of, tmp_path / f"by {workers}", Means("local", workers)).ok
        assert essence_of(tmp_path / f"by {workers}") == expected, workers
    killed_and_ended(of, tmp_path / "killed", Means("local", 0), 3, len(expected))
    assert essence_of(tmp_path / "killed") == expected


@pytest.mark.slow
@pytest.mark.parametrize("pruner", PRUNERS)
def test_every_number_of_workers_two_nodes_of_ray_and_five_kills_change_nothing(
    pruner: str,
    plan: Callable[[str], Plan],
    tmp_path: Path,
    essence_of: Callable[[Path], dict[str, Any]],
    ray_cluster: Any,
) -> None:
    of = plan(pruner)
    expected = in_one_process(of, tmp_path, essence_of)
    for workers in (1, 2, 4):
        assert run_sweep(of, tmp_path / f"by {workers}", Means("local", workers)).ok
        assert essence_of(tmp_path / f"by {workers}") == expected, workers
    killed_and_ended(of, tmp_path / "killed", Means("local", 4), 5, len(expected))
    assert essence_of(tmp_path / "killed") == expected
    node = ray_cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    try:
        means = Means("ray", 2, address=ray_cluster.address)
        assert run_sweep(of, tmp_path / "ray", means).ok
        assert essence_of(tmp_path / "ray") == expected
        killed_and_ended(of, tmp_path / "ray killed", means, 5, len(expected))
        assert essence_of(tmp_path / "ray killed") == expected
    finally:
        ray_cluster.remove_node(node)


def test_what_a_trial_may_look_at(plan: Callable[[str], Plan]) -> None:
    """Up to n - lag, and only once all of these have ended; of the rest the configurations alone."""
    cell = next(cell for cell in plan("seed-racing").cells if cell.method.name == "kd")
    study = Study(cell.id, cell.space, cell.defaults, plan("seed-racing").spec.search, 12)
    assert study.search.lag == 4
    known: list[Trial] = []
    for number in range(16):  # past what is drawn at random first
        configuration = study.propose(number, known)
        known.append(Trial(number, configuration, dict.fromkeys(study.seeds, number / 20), "complete"))
    proposed = study.propose(16, known)
    running = [Trial(one.number, one.configuration, {}, "running") for one in known]
    for late in (13, 14, 15):
        assert study.propose(16, [*known[:late], running[late], *known[late + 1 :]]) == proposed
        assert study.may_begin(16, [*known[:late], running[late], *known[late + 1 :]])
    other = Trial(12, known[12].configuration, dict.fromkeys(study.seeds, 0.01), "complete")
    assert study.propose(16, [*known[:12], other, *known[13:]]) != proposed
    assert not study.may_begin(16, [*known[:12], running[12], *known[13:]])
    assert not study.may_begin(16, [*known[:3], *known[4:]])  # a gap that a killed driver left
    assert study.may_begin(3, [])
    best = Trial(0, cell.defaults, dict.fromkeys(study.seeds, 0.9), "complete")
    lost = {100: 0.1, 101: 0.2}
    assert study.stops_after_seed(Trial(4, cell.defaults, lost, "running"), [best])
    assert not study.stops_after_seed(Trial(3, cell.defaults, lost, "running"), [best])
