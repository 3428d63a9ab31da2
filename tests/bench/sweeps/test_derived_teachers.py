"""Teachers made anew from teachers: trained once for each of their settings, recorded, and shared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from graph_distillery.bench.records import Record, read_records
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
