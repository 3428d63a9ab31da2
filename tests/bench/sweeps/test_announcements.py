"""Records that come at once are synced together, within bounds; nobody hears of one that is not on the disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.perf.simulation import SimulatedExecutor, simulated_plan
from graph_distillery.bench.records import RecordError, read_records
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.store import announcements
from graph_distillery.bench.sweeps.store.store import Store


class Enough(Exception):
    """Inference cannot be simulated."""


class Disk:
    """Counts syncs of records, and knows how much of each file one has made sure of."""

    def __init__(self, store: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.syncs, self.full = store / "records", 0, False
        self.safe: dict[str, int] = {}
        sync = os.fsync

        def fsync(descriptor: Any) -> None:
            path = Path(os.readlink(f"/proc/self/fd/{descriptor}")) if isinstance(descriptor, int) else Path()
            if path.suffix == ".jsonl":
                if self.full:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                self.syncs += 1
                self.safe[path.name] = os.fstat(descriptor).st_size
            sync(descriptor)

        patch.setattr(os, "fsync", fsync)

    def holds(self, record_id: str) -> bool:
        return any(record_id.encode() in (self.folder / name).read_bytes()[:size] for name, size in self.safe.items())


@pytest.fixture
def carried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Disk, int]]:
    """Carries a plan out on so many simulated slots: the disk, and how many records there were."""

    def carry(length_s: float, slots: int = 40) -> tuple[Disk, int]:
        plan, told = simulated_plan(120), []
        place = tmp_path / f"store-{length_s}"
        with Store(place, plan) as store, monkeypatch.context() as patch:
            disk = Disk(place, patch)
            driver = Driver(plan, store)

            def listen(record: Any) -> None:
                assert disk.holds(record.id)
                told.append(record.id)
                if len(told) == 120:
                    raise Enough

            driver.listen(listen)
            with pytest.raises(Enough):
                driver.run(SimulatedExecutor(slots, length_s))
        assert {record.id for record in read_records(place).records} >= set(told)
        assert len(set(told)) == 120
        return disk, len(told)

    return carry


def test_nobody_hears_of_a_record_before_it_is_on_the_disk(
    carried: Callable[..., tuple[Disk, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcements, "MOST_S", 1e9)
    disk, records = carried(1e-6)  # all have ended before the driver looks
    assert records / announcements.MOST_RECORDS <= disk.syncs < records / 4
    monkeypatch.setattr(announcements, "MOST_RECORDS", 5)
    disk, records = carried(2e-6)
    assert records / 5 <= disk.syncs < records / 2


def test_a_record_that_comes_alone_is_synced_alone(carried: Callable[..., tuple[Disk, int]]) -> None:
    disk, records = carried(1e9)
    assert disk.syncs == records


def test_none_waits_longer_than_the_bound(
    carried: Callable[..., tuple[Disk, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcements, "MOST_S", 0.0)
    disk, records = carried(1e-6)
    assert disk.syncs == records


def test_a_disk_that_refuses_a_sync_leaves_what_was_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, told = simulated_plan(120), list[str]()
    monkeypatch.setattr(announcements, "MOST_RECORDS", 10)
    monkeypatch.setattr(announcements, "MOST_S", 1e9)
    with Store(tmp_path / "store", plan) as store, monkeypatch.context() as patch:
        disk = Disk(tmp_path / "store", patch)
        driver = Driver(plan, store)

        def listen(record: Any) -> None:
            told.append(record.id)
            disk.full = len(told) >= 30

        driver.listen(listen)
        with pytest.raises(RecordError, match="cannot append: No space left on device; nothing was written"):
            driver.run(SimulatedExecutor(40, 1e-6))
    assert sorted(record.id for record in read_records(tmp_path / "store").records) == sorted(told)
