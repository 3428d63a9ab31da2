"""Drivers that can be disturbed, and what their stores must hold afterwards."""

from __future__ import annotations

import json
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from graph_distillery.bench.records import Record, read_records

HERE = Path(__file__).resolve().parent

#: About 60 records in a second or two of one processor.
SMALL: dict[str, Any] = {
    "name": "small",
    "datasets": ["csbm"],
    "teachers": [{"model": "sage", "hidden": 16, "epochs": 10}],
    "students": [{"model": "mlp", "hidden": 32, "layers": 2, "epochs": 15}],
    "methods": ["glnn", "kd"],
    "search": {"trials": 4, "seeds": [100, 101, 102]},
    "report": {"seeds": 2},
}


@dataclass
class Driver:
    """A `distillery` command that runs."""

    pid: int
    log: Path
    _codes: dict[int, int]
    _news: threading.Condition

    def wait(self, seconds: float = 120) -> int:
        """Its exit code; negative where a signal ended it."""
        with self._news:
            if not self._news.wait_for(lambda: self.pid in self._codes, seconds):
                os.killpg(self.pid, signal.SIGKILL)
                raise AssertionError(f"still running after {seconds} s: {self.said()[-2000:]}")
            return self._codes[self.pid]

    @property
    def running(self) -> bool:
        with self._news:
            return self.pid not in self._codes

    def said(self) -> str:
        """Standard output and error."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def errors(self) -> list[str]:
        """The lines of the exit itself."""
        return [line for line in self.said().splitlines() if line.startswith("distillery: ")]

    def company(self) -> list[int]:
        """The processes of its group: itself, its workers, their helpers."""
        found = []
        for process in psutil.process_iter():
            try:
                if os.getpgid(process.pid) == self.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return found

    def workers(self) -> list[int]:
        """Its worker processes, without the one that they are forked from."""
        found = []
        for pid in self.company():
            try:
                if pid != self.pid and psutil.Process(psutil.Process(pid).ppid()).ppid() == self.pid:
                    found.append(pid)
            except psutil.NoSuchProcess:
                continue
        return found

    def assert_alone(self, seconds: float = 5) -> None:
        """Once the driver is gone, nothing of it stays."""
        until = time.monotonic() + seconds
        while left := self.company():
            if time.monotonic() > until:
                names = [" ".join(psutil.Process(pid).cmdline()) for pid in left]
                os.killpg(self.pid, signal.SIGKILL)
                raise AssertionError(f"outlived their driver by {seconds} s: {names}")
            time.sleep(0.05)


@dataclass
class Launcher:
    """Starts drivers from one loaded process; see zygote.py."""

    folder: Path
    _process: subprocess.Popen[str]
    _codes: dict[int, int] = field(default_factory=dict)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _pids: queue.Queue[int] = field(default_factory=queue.Queue)
    _count: int = 0

    def listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            content = json.loads(line)
            if isinstance(content, int):
                self._pids.put(content)
                continue
            with self._news:
                self._codes[content["pid"]] = content["code"]
                self._news.notify_all()

    def start(self, *arguments: object, limits: Mapping[str, int] | None = None) -> Driver:
        """A driver with these command line arguments, in a process group of its own."""
        self._count += 1
        log = self.folder / f"{self._count}.log"
        order = {"arguments": [str(a) for a in arguments], "log": str(log), "limits": dict(limits or {})}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Driver(self._pids.get(timeout=10), log, self._codes, self._news)

    def sweep(self, spec: Path, store: Path, workers: int = 0, **more: Any) -> Driver:
        return self.start("sweep", spec, "--out", store, "--workers", workers, **more)


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory, repo_root: Path) -> Iterator[Launcher]:
    """Drivers without the seconds that loading torch takes; the plug-in of this folder is installed in them."""
    folder = tmp_path_factory.mktemp("drivers")
    process = subprocess.Popen(
        [sys.executable, HERE / "zygote.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(folder / "zygote.log").open("w"),
        env=environment(repo_root),
        text=True,
    )
    assert process.stdout is not None
    ready = process.stdout.readline()
    assert ready == "ready\n", (folder / "zygote.log").read_text()
    made = Launcher(folder, process)
    threading.Thread(target=made.listen, daemon=True).start()
    yield made
    process.communicate()


def environment(repo_root: Path) -> dict[str, str]:
    """With the suite and the plug-in on the path."""
    path = os.pathsep.join([str(repo_root), str(HERE / "plugins")])
    return {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}


@pytest.fixture(scope="session")
def cli_environment(repo_root: Path) -> dict[str, str]:
    """The environment of a `python -m graph_distillery.bench.cli` that knows the plug-in."""
    return environment(repo_root)


@pytest.fixture
def write_spec(tmp_path: Path) -> Callable[..., Path]:
    """Writes the small spec, top-level fields replaced, and gives its path."""

    def write(file: str = "spec.yaml", **fields: Any) -> Path:
        path = tmp_path / file
        path.write_text(yaml.safe_dump({**SMALL, **fields}))
        return path

    return write


@pytest.fixture(scope="session")
def finished_store(launcher: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of the small spec when nothing happens; not to be changed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "spec.yaml").write_text(yaml.safe_dump(SMALL))
    driver = launcher.sweep(folder / "spec.yaml", folder / "store")
    assert driver.wait() == 0, driver.said()
    return folder / "store"


@pytest.fixture(scope="session")
def undisturbed(finished_store: Path, essence_of: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """What the small spec comes to when nothing happens."""
    return essence_of(finished_store)


@pytest.fixture
def finished(finished_store: Path, tmp_path: Path) -> Path:
    """A copy of the finished store."""
    shutil.copytree(finished_store, tmp_path / "finished")
    return tmp_path / "finished"


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts a small tmpfs, or remounts it with other options."""
    place = tmp_path / "mounted"
    place.mkdir()

    def mount(options: str) -> Path:
        if os.path.ismount(place):
            options = f"remount,{options}"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
        return place

    if shutil.which("mount") is None:
        pytest.skip("there is no mount command")
    yield mount
    if os.path.ismount(place):
        subprocess.run(["umount", "-l", place], check=True)


# -- what a store holds --------------------------------------------------------------------------------------------


def lines(store: Path) -> int:
    """Whole lines of records so far."""
    return sum(path.read_bytes().count(b"\n") for path in (store / "records").glob("*.jsonl"))


@pytest.fixture(scope="session")
def wait_for_lines() -> Callable[[Driver, Path, int], None]:
    """Waits until a store has so many lines, or its driver has ended."""

    def wait(driver: Driver, store: Path, count: int, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while driver.running and lines(store) < count:
            assert time.monotonic() < until, driver.said()[-2000:]
            time.sleep(0.01)

    return wait


@pytest.fixture(scope="session")
def assert_complete() -> Callable[..., None]:
    """Holds a finished store of the small spec to its plan: each piece of work recorded exactly once."""

    def check(store: Path, trials: int = 4, methods: tuple[str, ...] = ("supervised", "glnn", "kd")) -> None:
        records = read_records(store).records
        of: dict[tuple[str, str], list[Record]] = defaultdict(list)
        for record in records:
            of[record.cell.method if record.kind != "teacher" else "", record.kind].append(record)
        assert sorted(record.seed for record in of["", "teacher"]) == [0, 1, 100, 101, 102]
        for method in (*methods, "teacher", "majority"):
            runs: dict[int | None, list[Record]] = defaultdict(list)
            for record in of[method, "trial"]:
                runs[record.search.trial if record.search else None].append(record)
            assert sorted(runs) == list(range(trials if method in methods else 0)), method  # type: ignore[type-var]
            for run in runs.values():
                assert len({str(sorted(record.hparams.items())) for record in run}) == 1
                statuses = [record.status for record in run]
                seeds = [record.seed for record in run]
                if statuses[-1] == "pruned":
                    assert (seeds, statuses) == ([100, 101], ["ok", "pruned"])
                else:
                    assert (seeds, statuses) == ([100, 101, 102], ["ok"] * 3)
            selections = sorted({str(r.search.selection) for r in of[method, "report"] if r.search})
            without_own_term = [name for name in selections if name != "ablated"]
            assert without_own_term in (["both"], ["default"], ["default", "tuned"])
            reports = sorted((str(r.search.selection), r.seed) for r in of[method, "report"] if r.search)
            assert reports == [(selection, seed) for selection in selections for seed in (0, 1)]
            speeds = sorted(str(r.search.selection) for r in of[method, "speed"] if r.search)
            assert speeds == without_own_term
            complete = [run for run in runs.values() if run[-1].status == "ok"]
            if complete:
                best = max(complete, key=_standing)
                winner = next(r for r in of[method, "report"] if r.search and r.search.selection in ("both", "tuned"))
                assert winner.hparams == best[0].hparams

    return check


def _standing(run: list[Record]) -> tuple[float, int]:
    """Higher is better: the mean validation score, the earlier trial among equals."""
    assert run[0].search is not None
    total = sum(Fraction(record.metrics.val[record.cell.metric]).limit_denominator(10_000) for record in run)
    return float(total), -(run[0].search.trial or 0)


@pytest.fixture(scope="session")
def disturb() -> Callable[..., int]:
    """Runs a command again and again, killing its driver at random moments, then lets it end."""

    def campaign(start: Callable[[], Driver], store: Path, kills: int, total: int, seed: int) -> int:
        """Kills at `kills` numbers of records spread over `total`, each a random moment later; how many had effect."""
        generator = random.Random(seed)
        done = 0
        for target in sorted(generator.sample(range(total - 4), kills)):
            driver = start()
            until = time.monotonic() + 60
            while driver.running and lines(store) < target:
                assert time.monotonic() < until, driver.said()[-2000:]
                time.sleep(0.01)
            time.sleep(generator.uniform(0.0, 0.06))
            if driver.running:
                os.kill(driver.pid, signal.SIGKILL)
            code = driver.wait()
            assert code in (0, -signal.SIGKILL), driver.said()[-2000:]
            done += code != 0
            driver.assert_alone()
            if (store / "records").is_dir():
                read_records(store)  # whole, up to a torn last line
        return done

    return campaign
