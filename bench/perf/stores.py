"""What a store of 100,000 records costs to look at and to open, by its index, against reading all of it."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from graph_distillery.bench.perf.references.sweep_store import write_sweep_store
from graph_distillery.bench.perf.timing import PerfRow
from graph_distillery.bench.records import read_records
from graph_distillery.bench.records.index import read_all
from graph_distillery.bench.sweeps.store.files import plan_of
from graph_distillery.bench.sweeps.store.kept_status import read_status
from graph_distillery.bench.sweeps.store.status import status_of

RECORDS, REPEATS = 100_000, 3
_STATUS = """
import contextlib, io, sys, time
from graph_distillery.bench.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    code = main(["status", sys.argv[1], "--json"])
assert not code
print(time.process_time())
"""
_OPEN = """
import json, sys, time
from pathlib import Path
import torch
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.store.files import plan_of
from graph_distillery.bench.sweeps.store.store import Store
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()  # getrusage also knows the process that began this one
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
path, before, began = Path(sys.argv[1]), peak(), time.process_time()
plan = plan_of(path)
with Store(path, plan) as store:
    job = Driver(store.plan, store).next_job()
    assert job is not None
    print(json.dumps({"seconds": time.process_time() - began, "grown": peak() - before}))
"""


@lru_cache(maxsize=1)
def _store() -> tuple[tempfile.TemporaryDirectory[str], Path, int]:
    """Made once, with its index, and gone with this process."""
    folder = tempfile.TemporaryDirectory(prefix="distillery-perf-")
    store = Path(folder.name) / "store"
    count = write_sweep_store(store, RECORDS)
    read_status(store)
    return folder, store, count


def _ratio(name: str, ours: Callable[[], object], plain: Callable[[], object], target: float, detail: str) -> PerfRow:
    """Of processor time, in turn."""
    pairs = [(_used(ours), _used(plain)) for _ in range(REPEATS)]
    ratio = statistics.median(theirs / own for own, theirs in pairs)
    own, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return PerfRow(name, ratio, target, "x", f"{detail}: {own:.2f} s against {theirs:.2f} s of processor time")


def _used(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def _status() -> PerfRow:
    """The progress of a store, in a process that has its libraries."""
    _, store, count = _store()
    plan = plan_of(store)

    def plain() -> object:
        return status_of(plan, read_records(store).records, False)

    detail = f"progress of a store of {count:,} records by its index, against reading and checking every line"
    return _ratio("store-status", lambda: read_status(store), plain, 8.0, detail)


def _status_process() -> PerfRow:
    """The whole command, its imports too."""
    _, store, count = _store()
    used = [float(_child(_STATUS, store)) for _ in range(REPEATS)]
    detail = f"processor time of `distillery status` of {count:,} records, libraries included"
    return PerfRow("store-status-process", min(used), 1.0, "s", f"{detail}; median {statistics.median(used):.2f} s")


def _records() -> PerfRow:
    """Every record of a store, as a driver opens it."""
    _, store, count = _store()
    detail = f"the {count:,} records of a store by its index, against reading and checking every line"
    return _ratio("store-records", lambda: read_all(store), lambda: read_records(store), 2.0, detail)


@lru_cache(maxsize=1)
def _opened() -> list[dict[str, float]]:
    """Openings by a driver, up to its first job, each in a process of its own."""
    return [json.loads(_child(_OPEN, _store()[1])) for _ in range(REPEATS)]


def _open_time() -> PerfRow:
    """A driver's processor time on opening a store."""
    used = [each["seconds"] for each in _opened()]
    detail = f"processor time of a driver that opens {_store()[2]:,} records, up to its first job"
    return PerfRow("store-open", min(used), 1.0, "s", f"{detail}; median {statistics.median(used):.2f} s")


def _open_memory() -> PerfRow:
    """Its memory."""
    detail = f"what a driver grows by as it opens {_store()[2]:,} records"
    return PerfRow("store-open-memory", max(each["grown"] for each in _opened()), 300.0, "MB", detail)


def _child(code: str, store: Path) -> str:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code, str(store)]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=root).stdout


STORE_ROWS: dict[str, Callable[[], PerfRow]] = {
    "store-status": _status,
    "store-status-process": _status_process,
    "store-records": _records,
    "store-open": _open_time,
    "store-open-memory": _open_memory,
}
