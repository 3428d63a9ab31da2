"""Shards of a plan: nothing twice, nothing lost, and the ids of the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.plan.shards import Shard, parse_shard, take_shard
from graph_distillery.bench.sweeps.spec import parse_spec

SPEC: dict[str, Any] = {
    "name": "shards",
    "datasets": ["karate", "csbm", "digits-knn"],
    "teachers": ["sage", {"model": "gcn", "tune": 2}],
    "students": ["mlp"],
    "methods": ["kd", "glnn"],
    "search": {"trials": 2},
}
PLAN: Plan = make_plan(parse_spec(SPEC, "spec"))


@given(count=st.integers(1, len(PLAN.cells)))
def test_parts_make_up_the_whole(count: int) -> None:
    shards = [take_shard(PLAN, Shard(number, count)) for number in range(1, count + 1)]
    assert [cell.id for shard in shards for cell in shard.cells] == [cell.id for cell in PLAN.cells]
    assert all(shard.cells for shard in shards)
    for shard in shards:
        assert {each.id for cell in shard.cells for each in cell.teachers} == {teacher.id for teacher in shard.teachers}
        assert {teacher.id for teacher in shard.teachers} <= {teacher.id for teacher in PLAN.teachers}
    assert len({shard.id for shard in shards}) == count
    sizes = [len(shard.cells) for shard in shards]
    if count > len(SPEC["datasets"]):
        assert max(sizes) - min(sizes) <= 1
    else:
        assert len({(number, cell.data) for number, shard in enumerate(shards) for cell in shard.cells}) == 3


def test_one_part_is_the_plan_itself() -> None:
    assert take_shard(PLAN, Shard(1, 1)) is PLAN
    assert take_shard(PLAN, None) is PLAN


@pytest.mark.parametrize("text", ["", "2", "0/2", "3/2", "1/0", "a/b", "1/2/3", "-1/2", "1/99999"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--cells: "):
        parse_shard(text, "--cells")


def test_more_shards_than_cells_are_refused() -> None:
    with pytest.raises(UserError, match=rf"^--cells: {len(PLAN.cells) + 1} shards of {len(PLAN.cells)} cells"):
        take_shard(PLAN, Shard(1, len(PLAN.cells) + 1))


def test_a_store_knows_its_shard(tmp_path: Path) -> None:
    from graph_distillery.bench.sweeps.store.kept_status import read_status
    from graph_distillery.bench.sweeps.store.store import Store

    shard = take_shard(PLAN, Shard(2, 3))
    with Store(tmp_path / "store", shard):
        pass
    assert read_status(tmp_path / "store").plan == shard
    with pytest.raises(UserError, match="the store is of cells 2/3 of its spec, not of all cells"):
        Store(tmp_path / "store", PLAN)
