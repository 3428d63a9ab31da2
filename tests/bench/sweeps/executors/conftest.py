"""A driver with its executor, and what a store holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.sweeps.executors import Executor
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.spec import Needs
from graph_distillery.methods import METHODS


@pytest.fixture
def connected(ray_cluster: Any, monkeypatch: pytest.MonkeyPatch, repo_root: Path) -> Iterator[Any]:
    """This process on the tests' cluster, as a command with `--address` is; the cluster comes with it."""
    from graph_distillery.bench.sweeps.executors.ray_session import ray_session

    assert METHODS.names  # read before the plug-ins are on the path
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
            executor = RayExecutor(slots, store.artefacts.load, Needs())
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


@pytest.fixture(scope="session")
def made_by() -> Callable[[str, Path], Executor]:
    """Makes an executor of a kind with one slot, so that what comes comes in order; artefacts come from the store."""

    def make(kind: str, store: Path) -> Executor:
        from graph_distillery.bench.sweeps.executors.in_process import InProcessExecutor
        from graph_distillery.bench.sweeps.executors.processes import ProcessExecutor
        from graph_distillery.bench.training.artefacts import StoredArtefacts

        if kind == "ray":
            from graph_distillery.bench.sweeps.executors.ray_executor import RayExecutor

            return RayExecutor(1, StoredArtefacts(store).load, Needs())
        return ProcessExecutor(1, store) if kind == "processes" else InProcessExecutor(StoredArtefacts(store).load)

    return make


@pytest.fixture(scope="module")
def connect(request: pytest.FixtureRequest, repo_root: Path) -> Iterator[Callable[[str], None]]:
    """Makes what an executor of a kind needs: the plug-ins on the path of every worker, and for Ray its cluster."""
    assert METHODS.names  # read before the plug-ins are on the path, so that later tests know nothing of them
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.syspath_prepend(str(repo_root / "tests" / "faults" / "plugins"))
        done: set[str] = set()

        def prepare(kind: str) -> None:
            if kind == "ray" and kind not in done:
                from graph_distillery.bench.sweeps.executors.ray_session import ray_session

                cluster = request.getfixturevalue("ray_cluster")
                stack.enter_context(ray_session(cluster.address, 1, Needs()))
            done.add(kind)

        yield prepare


@pytest.fixture(scope="module")
def plugged_in(connect: Callable[[str], None]) -> Iterator[None]:
    """The plug-in methods, in this process; workers find them by the path."""
    import carried_methods
    import faulty_methods

    entries = [entry() for entry in (*carried_methods.ENTRIES, faulty_methods.describe)]
    for entry in entries:
        METHODS.register(entry)
    yield
    for entry in entries:
        METHODS.unregister(entry.name)
