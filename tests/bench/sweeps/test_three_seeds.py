"""The seeds of split, initialisation and teacher: one by default, three where a spec asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Record, read_records
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.sweep import run_sweep


def content(record: Record) -> str:
    """Without what hangs on the store, the day and the clock, and without the three seeds."""
    own = {"store_id", "created", "timings", "environment", "init_seed", "teacher_seed"}
    return record.model_dump_json(exclude=own)


def test_the_initialisations_of_a_split_share_its_teacher_and_differ(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    fields = {"datasets": ["digits-knn"], "search": {"trials": 2, "splits": 2, "inits": 2, "pruner": "none"}}
    crossed = plan_of(**fields, report={"seeds": {"splits": 2, "inits": 2}})
    assert run_sweep(crossed, tmp_path / "crossed").ok
    records = read_records(tmp_path / "crossed").records
    runs = [record for record in records if record.kind in ("trial", "report")]
    for kind, first in (("report", 0), ("trial", 100)):
        mine = [record for record in runs if record.kind == kind]
        assert {record.seed for record in mine} == {first, first + 1, first + 2, first + 3}
        by_split = {record.cell.split_sha256: set[int]() for record in mine}
        for record in mine:
            by_split[record.cell.split_sha256].add(record.seed)
            assert record.cell.split_seed == first + record.seed % 2
            assert record.init_seed == record.seed
            assert record.teacher_seed == (record.cell.split_seed if record.cell.teacher else None)
        assert sorted(map(sorted, by_split.values())) == [[first, first + 2], [first + 1, first + 3]]
        pairs = 0
        for one in mine:
            for other in mine:
                if (one.cell.id, one.seed + 2, one.hparams) == (other.cell.id, other.seed, other.hparams):
                    assert one.cell.teacher_id == other.cell.teacher_id
                    if one.timings.epochs:
                        pairs += 1
                        assert one.metrics != other.metrics
                    elif one.cell.method == "teacher":
                        assert one.metrics == other.metrics
        assert pairs >= 2
    teachers = {record.seed: record.cell for record in records if record.kind == "teacher"}
    assert set(teachers) == {0, 1, 100, 101}
    taught = [record for record in runs if record.cell.teacher]
    assert {record.cell.teacher_id for record in taught} == {cell.teacher_id for cell in teachers.values()}

    assert run_sweep(plan_of(**fields, report={"seeds": 2}), tmp_path / "plain").ok
    plain = {content(r) for r in read_records(tmp_path / "plain").records if r.kind == "report"}
    assert plain == {content(r) for r in records if r.kind == "report" and r.seed < 2}


@pytest.mark.parametrize(
    ("report", "seeds", "splits"),
    [
        ({"splits": 5, "inits": 2}, range(10), [0, 1, 2, 3, 4] * 2),
        ({"seeds": [3, 4, 7, 9], "inits": 2}, [3, 4, 7, 9], [3, 4, 3, 4]),
        ({"splits": 3}, range(3), [0, 1, 2]),
    ],
)
def test_runs_are_numbered_so_that_initialisations_can_be_added(
    small: Callable[..., dict[str, Any]], report: dict[str, Any], seeds: Any, splits: list[int]
) -> None:
    spec = parse_spec(small(report=report), "spec.yaml")
    assert spec.report.seeds == tuple(seeds)
    assert [spec.report.split_of(seed) for seed in spec.report.seeds] == splits
    again = parse_spec(spec.model_dump(mode="json"), "spec.yaml")
    assert again == spec


def test_plain_seeds_say_nothing_of_splits(small: Callable[..., dict[str, Any]]) -> None:
    """So plans, and all that hangs on their ids, are what they were."""
    spec = parse_spec(small(report={"seeds": 2}), "spec.yaml").model_dump(mode="json")
    assert spec["report"] == {"seeds": [0, 1]}
    assert not {"splits", "inits"} & spec["search"].keys()


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"report": {"seeds": {"splts": 5}}}, "report: unknown field 'splts'; did you mean 'splits'?"),
        ({"report": {"splits": 0, "inits": 2}}, "report.splits: "),
        ({"report": {"seeds": 6, "splits": 4}}, "report: seeds: 6 runs cannot be shared out evenly over 4 splits"),
        ({"report": {"splits": 5000, "inits": 5}}, "report: splits times inits must be at most 10000, got 25000"),
        ({"search": {"seeds": [0, 1], "splits": 1}}, "report.seeds: seed 0 is also a tuning seed"),
    ],
)
def test_what_is_not_in_order_is_one_line(small: Callable[..., dict[str, Any]], fields: Any, line: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_spec(small(**fields), "spec.yaml")
    assert str(caught.value).startswith(f"spec.yaml: {line}")
