"""What a store refuses, and when."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.sweeps.sweep import run_sweep


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither Ray nor the loading of data is reached."""
    for name in ("sweep._ray", "data_check.load_problem"):
        monkeypatch.setattr(f"graph_distillery.bench.sweeps.{name}", lambda *arguments: pytest.fail("was begun"))


@pytest.mark.usefixtures("nothing_starts")
def test_a_store_that_is_taken_and_a_folder_that_is_none_are_refused_before_anything_starts(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    plan, path = plan_of(), tmp_path / "store"
    with Store(path, plan), pytest.raises(UserError, match="another driver is at work on this store"):
        run_sweep(plan, path, Means("ray"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").touch()
    with pytest.raises(UserError, match=r"holds 'thesis\.tex' and is no store"):
        run_sweep(plan, tmp_path / "folder", Means("ray"))
    assert [item.name for item in (tmp_path / "folder").iterdir()] == ["thesis.tex"]


@pytest.mark.usefixtures("nothing_starts")
def test_kept_winners_that_are_none_are_one_line(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    search: dict[str, Any] = {"trials": 3, "transfer": True, "transfer_from": ["elsewhere"]}
    plan, path = plan_of(search=search), tmp_path / "store"
    with Store(path, plan):
        pass
    (path / "transfer.json").write_text(json.dumps([{"dataset": "cora"}]))
    assert not FileLock(path / ".lock").is_locked
    with pytest.raises(UserError, match=r"transfer\.json: cannot be read: Field required"):
        run_sweep(plan, path)


def test_a_store_from_before_records_told_their_split_goes_on(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    plan, path = plan_of(methods=["supervised"], search={"trials": 2, "seeds": [100]}), tmp_path / "store"
    assert run_sweep(plan, path).ok
    whole = {record.id: record for record in read_records(path).records}
    for file in (path / "records").glob("*.jsonl"):
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        for line in lines:
            del line["cell"]["split_sha256"]
        kept = lines[: len(lines) // 2] if file.stem == "report" else lines
        file.write_text("".join(json.dumps(line) + "\n" for line in kept))
    assert run_sweep(plan, path).ok
    again = {record.id: record for record in read_records(path).records}
    assert again.keys() == whole.keys()
    old = [record.id for record in again.values() if record.cell.split_sha256 is None]
    assert 0 < len(old) < len(again)
    for record in again.values():
        if record.id not in old:
            assert (record.cell, record.metrics) == (whole[record.id].cell, whole[record.id].metrics)
