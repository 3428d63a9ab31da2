"""What the driver says of itself while it works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.executors.in_process import InProcessExecutor
from graph_distillery.bench.sweeps.jobs import EpochReport, Job, Outcome
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store.store import Store


class Growing(InProcessExecutor):
    """Has room for one job at first, and then for two, done one after another."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.artefacts.load)
        self._waiting: list[Job] = []

    def submit(self, job: Job) -> None:
        self._waiting.append(job)

    def next_event(self) -> EpochReport | tuple[Outcome, bool]:
        self.slots = 2
        if self._job is None:
            super().submit(self._waiting.pop(0))
        return super().next_event()


def test_slots_and_what_is_under_way_follow_a_cluster_that_grows(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    plan = plan_of()
    seen: list[tuple[int, int]] = []
    with Store(tmp_path / "store", plan) as store:
        driver = Driver(plan, store)
        driver.listen(lambda record: seen.append((driver.slots, sum(driver.under_way().values()))))
        driver.run(Growing(store))
        assert not driver.under_way()
    assert seen[0] == (1, 1)
    assert (2, 2) in seen
    assert all(0 < busy <= slots for slots, busy in seen)
