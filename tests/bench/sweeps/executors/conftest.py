"""A driver with its executor, and what a store holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.sweeps.plan.plan import Plan


@pytest.fixture
def connected(ray_cluster: Any, monkeypatch: pytest.MonkeyPatch, repo_root: Path) -> Iterator[Any]:
    """This process on the tests' cluster, as a command with `--address` is; the cluster comes with it."""
    from graph_distillery.bench.sweeps.executors.ray_session import ray_session
    from graph_distillery.bench.sweeps.spec import Needs

    monkeypatch.syspath_prepend(str(repo_root / "tests" / "faults" / "plugins"))
    with ray_session(ray_cluster.address, 1, Needs()):
        yield ray_cluster


@pytest.fixture
def carry_out(connected: Any, tmp_path: Path) -> Callable[..., Path]:
    """Carries a plan out on the cluster and gives the store."""
    from graph_distillery.bench.sweeps.driver import Driver
    from graph_distillery.bench.sweeps.executors.ray_executor import RayExecutor
    from graph_distillery.bench.sweeps.spec import Needs
    from graph_distillery.bench.sweeps.store.store import Store

    def run(plan: Plan, slots: int = 1, listener: Callable[[Any], None] = lambda record: None) -> Path:
        path = tmp_path / "on-ray"
        with Store(path, plan) as store:
            driver = Driver(plan, store)
            driver.listen(listener)
            executor = RayExecutor(slots, store.teachers.load, Needs())
            try:
                driver.run(executor)
            finally:
                executor.close()
        return path

    return run


@pytest.fixture(scope="session")
def essence(essence_of: Callable[[Path], dict[str, Any]]) -> Callable[[Path], dict[str, Any]]:
    """The shorter name for it."""
    return essence_of
