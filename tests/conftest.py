"""What every test shares: one thread, reproducible hypothesis, the repository and the real datasets."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Before anything imports numpy or torch, which read these once.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["DISTILLERY_CACHE_GIB"] = "0"  # every test trains its own teachers, and the user's cache is left alone
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # nodes on the loopback interface; read by `import ray`
os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's 15 leaves its workers next to nothing beside other tests

REPO_ROOT = Path(__file__).resolve().parents[1]

# No deadline: a shared machine is slow at times. Derandomized: the same tree gives the same verdict.
settings.register_profile("distillery", deadline=None, derandomize=True)
settings.load_profile("distillery")


def pytest_collection_finish() -> None:
    """Hold torch to one thread where a plugin imported it before the variables above were set."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


#: Folders and files that take longest. Where tests run in several processes each stays in one, and they come first.
LONGEST = ("tests/faults/", "tests/bench/sweeps/executors/", "tests/bench/sweeps/", "tests/bench/cli/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no process is left with them at the end."""
    items.sort(key=lambda item: next((n for n, name in enumerate(LONGEST) if item.nodeid.startswith(name)), 9))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of a file share a process, and so do the fault tests: their drivers fork from one loaded suite."""
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return LONGEST[0] if nodeid.startswith(LONGEST[0]) else super()._split_scope(nodeid)

    config.option.loadscopereorder = False  # keeps the order of above
    return Together(config, log)


@pytest.fixture(autouse=True)
def _own_datasets_end_with_their_test() -> Iterator[None]:
    """A dataset that a test's spec names is in the registry of this process until the test is over."""
    from graph_distillery.bench.data.registry import DATASETS

    before = {info.name for info in DATASETS if info.kind == "own"}
    yield
    for name in {info.name for info in DATASETS if info.kind == "own"} - before:
        DATASETS.unregister(name)


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The root of the checkout."""
    return REPO_ROOT


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The read-only tree of real datasets: DISTILLERY_MIRROR, or shared/data beside the checkout."""
    named = os.environ.get("DISTILLERY_MIRROR")
    if named:
        folder = Path(named)
        if not folder.is_dir():
            pytest.fail(f"DISTILLERY_MIRROR names {named}, which is not a folder")
        return folder
    beside = REPO_ROOT.parent / "shared" / "data"
    if not beside.is_dir():
        pytest.skip("no real datasets: DISTILLERY_MIRROR is not set and ../shared/data does not exist")
    return beside


@pytest.fixture(scope="session")
def essence_of() -> Callable[[Path], dict[str, Any]]:
    """Every record of a store by id, without clocks, latencies and the machine."""
    from graph_distillery.bench.records import read_records

    def read(store: Path) -> dict[str, Any]:
        found = {}
        for record in read_records(store).records:
            content = record.model_dump(mode="json")
            for name in ("created", "environment", "git_sha", "speed"):
                del content[name]
            content["timings"] = content["timings"]["epochs"]
            found[record.id] = content
        return found

    return read


@pytest.fixture(scope="session")
def require_or_skip() -> Callable[[str, str], None]:
    """Skips with a reason, or fails where DISTILLERY_REQUIRE="postgresql shellcheck" names what is missing.

    ``require_or_skip("shellcheck", "no shellcheck on the path")``, called when it is missing.
    """

    def missing(name: str, reason: str) -> None:
        if name in os.environ.get("DISTILLERY_REQUIRE", "").split():
            pytest.fail(f"DISTILLERY_REQUIRE names {name}: {reason}")
        pytest.skip(reason)

    return missing


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[Any]:
    """The one Ray cluster of the tests: a head with one processor and two logical GPUs; tests add nodes of their own.

    Its workers know the plug-in of tests/faults. A lost node is noticed within seconds.
    """
    from ray.cluster_utils import Cluster

    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(REPO_ROOT), str(REPO_ROOT / "tests" / "faults" / "plugins")])
    logging.getLogger("ray").setLevel(logging.ERROR)
    checks = {"initial_delay_ms": 0, "period_ms": 500, "timeout_ms": 2000, "failure_threshold": 4}
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "num_gpus": 2,
            "object_store_memory": 200 * 2**20,
            "include_dashboard": False,
            "_system_config": {f"health_check_{name}": value for name, value in checks.items()},
        },
    )
    try:
        yield cluster
    finally:
        cluster.shutdown()
        if path is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = path
