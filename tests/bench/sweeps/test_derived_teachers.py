"""Teachers made anew from teachers: trained once for each of their settings, recorded, and shared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Record, read_records
from graph_distillery.bench.sweeps import preflight
from graph_distillery.bench.sweeps.cost.estimate import Cost, estimate, progress_of
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.bench.training.artefacts import StoredArtefacts

pytestmark = pytest.mark.usefixtures("carried_methods")


def pruned(record: Record) -> bool:
    return record.kind == "teacher" and record.cell.method == "magnitude-pruning"


@pytest.mark.parametrize("workers", [0, 2])
def test_a_pruned_teacher_is_trained_once_for_a_sparsity_and_a_seed(
    plan_of: Callable[..., Plan], tmp_path: Path, workers: int
) -> None:
    search = {"trials": 5, "seeds": [100, 101], "sampler": "random", "pruner": "none"}
    plan = plan_of(methods=["pruned-kd"], search=search)
    store = tmp_path / "store"
    assert run_sweep(plan, store, Means(workers=workers)).ok
    records = read_records(store).records
    teachers = {record.cell.teacher_id: record for record in records if record.kind == "teacher"}
    asked = {(r.hparams["method.teacher_sparsity"], r.seed) for r in records if r.cell.method == "pruned-kd"}
    made = [record for record in records if pruned(record)]
    assert {sparsity for sparsity, _ in asked} == {0.5, 0.8}
    assert sorted((r.hparams["method.sparsity"], r.seed) for r in made) == sorted(asked)
    for record in made:
        source = teachers[record.cell.derived_from]
        assert (source.cell.method, source.seed) == ("supervised", record.seed)
        assert record.timings.train_s > 0
        assert record.id != source.id
    kept = StoredArtefacts(store)
    for record in records:
        if record.cell.method == "pruned-kd":
            own = teachers[record.cell.teacher_id]
            assert own.hparams["method.sparsity"] == record.hparams["method.teacher_sparsity"]
            both = own.timings.train_s + teachers[own.cell.derived_from].timings.train_s
            assert record.timings.teacher_s == pytest.approx(both)
    for record in made:
        weights = {
            n: t for n, t in kept.load(record.cell.teacher_id or "").unpacked("teacher").items() if "weights" in n
        }
        matrices = [tensor for tensor in weights.values() if tensor.dim() > 1]
        zeros = sum(int((matrix == 0).sum()) for matrix in matrices)
        assert zeros == sum(int(record.hparams["method.sparsity"] * matrix.numel()) for matrix in matrices)
    assert run_sweep(plan, store).new == 0


def prue(plan_of: Callable[..., Plan], trials: int = 0, **fix: Any) -> Plan:
    """Of a SAGE teacher of 8 units, on two report seeds, and two others where there is a search."""
    search = {"trials": trials, "seeds": [100, 101], "sampler": "random", "pruner": "none"}
    return plan_of(methods=[{"name": "prue", "fix": fix}], search=search)


def test_on_ray_and_here_they_are_the_same_to_the_bit(
    plan_of: Callable[..., Plan], tmp_path: Path, ray_cluster: Any
) -> None:
    plan = prue(plan_of)
    for name, means in (("here", Means()), ("ray", Means("ray", 2, address=ray_cluster.address))):
        assert run_sweep(plan, tmp_path / name, means).ok
    one, other = ({r.id: r for r in read_records(tmp_path / name).records} for name in ("here", "ray"))
    assert one.keys() == other.keys()
    # Two report seeds, each with a teacher made at the default ratio and one at the own term's ratio of 0.
    assert sum(record.cell.method == "pruning" for record in one.values()) == 4
    for id_, record in one.items():
        assert (record.metrics, record.cell) == (other[id_].metrics, other[id_].cell)
        if record.kind == "teacher":
            stores = (StoredArtefacts(tmp_path / name).load(record.cell.teacher_id or "") for name in ("here", "ray"))
            here, there = (dict(store.unpacked("teacher")) for store in stores)
            assert here.keys() == there.keys()
            assert all(bool((here[name] == there[name]).all()) for name in here)


def test_what_they_cost_is_told_before_and_nothing_of_it_after(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    """Two report seeds: two teachers, two made of them, and two made with the own term off. A search of three trials
    and two seeds has six more of each at most, whatever ratios its trials name, but two where the ratio is pinned."""

    def cost(plan: Plan) -> Cost:
        return estimate(plan, progress_of(plan, tmp_path / "store"), Means())

    plan = prue(plan_of)
    before, plain = cost(plan), cost(plan_of(methods=["kd"], search={"trials": 0}))
    assert (before.teachers, plain.teachers, before.unknown) == (6, 2, ())
    assert before.seconds is not None
    assert plain.seconds is not None
    assert before.seconds > plain.seconds
    assert cost(prue(plan_of, trials=3)).teachers == 4 + (3 * 2 + 3 * 2)
    assert cost(prue(plan_of, trials=3, teacher_ratio=0.5, teacher_layers="all")).teachers == 4 + (2 + 2 * 2)
    assert run_sweep(plan, tmp_path / "store").ok
    trained = read_records(tmp_path / "store", kinds=["teacher"]).records
    assert sum(record.repeats is None for record in trained) == before.teachers
    assert replace(cost(plan), seconds=None) == Cost(0, 0, 0, None, ())


def test_one_that_cannot_be_made_anew_is_refused_before_anything_is(plan_of: Callable[..., Plan]) -> None:
    shallow = {"teachers": [{"model": "gcn", "layers": 1, "epochs": 5}], "search": {"trials": 0}}
    methods = [{"name": "prue", "fix": {"teacher_layers": "hidden"}}]
    with pytest.raises(UserError, match=r"prue: layers 'hidden': the teacher has one layer alone; take 'all'$"):
        preflight.configurations(plan_of(methods=methods, **shallow))
    preflight.configurations(plan_of(methods=["prue"], **shallow))
