"""Data that changed under a store are refused before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loaders.generated.blocks import csbm
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store import files
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.bench.training import problem

PlanOf = Callable[..., Plan]
FEW = {"methods": ["label-propagation"], "search": {"trials": 1, "seeds": [100]}, "students": []}


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[[Dataset], None]:
    """Puts a dataset in the place of karate's."""

    def put(dataset: Dataset) -> None:
        monkeypatch.setattr(problem, "HERE", problem.ProblemSource(lambda name, folder: dataset))

    return put


def halves(seed: int) -> Dataset:
    """A graph whose one fixed split is drawn by `seed`."""
    order = torch.randperm(120, generator=torch.Generator().manual_seed(seed))
    return replace(csbm("karate", nodes=120), fixed_splits={"public": [(order[:20], order[20:60], order[60:])]})


def test_the_data_are_pinned_at_first_use_and_changed_ones_are_refused(
    plan_of: PlanOf, tmp_path: Path, serve: Callable[[Dataset], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, store = plan_of(split="public", **FEW), tmp_path / "store"
    serve(halves(0))
    assert run_sweep(plan, store).ok
    kept = files.stored_plan_of(store)
    assert kept is not None
    records = read_records(store).records
    assert [pin.sha256 for pin in kept.pins] == [records[0].cell.dataset_sha256]
    splits = {record.seed: record.cell.split_sha256 for record in records}
    assert kept.pins[0].splits.items() >= splits.items()
    assert set(kept.pins[0].splits) == {0, 1, 100}

    more = plan_of(split="public", report={"seeds": 3}, **FEW)
    before = (store / files.PLAN).read_bytes()
    monkeypatch.setattr("graph_distillery.bench.sweeps.sweep._executor", lambda *_: pytest.fail("began to train"))
    serve(halves(1))
    line = rf"dataset 'karate' is not what .*its split public of seed 0 was sha256 {splits[0][:16]} and is [0-9a-f]"
    with pytest.raises(UserError, match=line) as caught:
        run_sweep(more, store)
    assert "\n" not in str(caught.value)
    changed = replace(halves(0), sha256="0" * 64)
    serve(changed)
    for again in (more, plan):  # also where nothing is left to do
        with pytest.raises(UserError, match=rf"its content was sha256 {kept.pins[0].sha256[:16]} and is 0{{16}};"):
            run_sweep(again, store)
    assert (store / files.PLAN).read_bytes() == before


def test_a_store_that_pinned_nothing_stands_on_what_its_records_say(
    small: Callable[..., dict[str, Any]], tmp_path: Path, serve: Callable[[Dataset], None]
) -> None:
    from graph_distillery.bench.sweeps.spec import parse_spec

    spec = parse_spec(small(split="public", **FEW), "spec")
    store = tmp_path / "store"
    serve(halves(0))
    assert run_sweep(make_plan(spec, id_scheme=1), store).ok
    (store / files.PLAN).unlink()
    serve(replace(halves(0), sha256="0" * 64))
    assert run_sweep(make_plan(spec), store).new == 0  # as it was, where nothing is left to do
    assert not (store / files.PLAN).exists()
    reports = store / "records" / "report.jsonl"
    reports.write_text(reports.read_text().splitlines(keepends=True)[0])
    with pytest.raises(UserError, match="its content was sha256"):
        run_sweep(make_plan(spec), store)
    serve(halves(0))
    assert run_sweep(make_plan(spec), store).ok
    kept = json.loads((store / files.PLAN).read_text())
    assert kept["pins"][0]["sha256"] == halves(0).sha256
