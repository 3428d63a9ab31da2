"""The driver never waits for a tracker, and a tracker that fails has one line to say."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.executors.in_process import InProcessExecutor
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.sweeps.trackers import tracking
from graph_distillery.bench.sweeps.trackers.options import TrackerTarget
from graph_distillery.bench.sweeps.trackers.tracking import Tracking


class Book:
    """Takes down what it is told; at its `fails`th step it raises, and before any it waits for `wait`."""

    def __init__(self, fails: int | None = None, wait: threading.Event | None = None) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.fails, self.wait, self.abandoned, self.opened = fails, wait, 0, False

    def open(self) -> None:
        if self.wait is not None:
            self.wait.wait(250)
        self.opened = True

    def begin(self, run: str, name: tuple[str, str], config: Mapping[str, Any]) -> None:
        self.told.append(("begin", run, " ".join(name), dict(config)))

    def step(self, run: str, number: int, result: Mapping[str, float]) -> None:
        if self.fails is not None and sum(each[0] == "step" for each in self.told) == self.fails:
            raise ConnectionError("the server\nis gone")
        self.told.append(("step", run, number, dict(result)))

    def end(self, run: str, failed: bool) -> None:
        self.told.append(("end", run, failed))

    def close(self) -> None:
        self.told.append(("close",))

    def abandon(self) -> None:
        self.abandoned += 1


def test_a_good_tracker_has_every_seed_while_one_that_hangs_and_one_that_breaks_have_a_line_each(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "_QUIET_S", 0.1)
    forever = threading.Event()
    good, broken, hung = Book(), Book(fails=2), Book(wait=forever)
    books = {
        TrackerTarget("tensorboard", ""): good,
        TrackerTarget("mlflow", "secretword"): broken,
        TrackerTarget("wandb", ""): hung,
    }
    warned: list[str] = []
    plan = plan_of()
    with Store(tmp_path / "store", plan) as store:
        driver = Driver(plan, store)
        watcher = Tracking(plan, books, warned.append)
        driver.watch(watcher)
        driver.run(InProcessExecutor(store.artefacts.load))
    watcher.close(1.0)
    assert (good.opened, hung.opened) == (True, False)  # nobody waited for it
    assert sorted(warned) == [
        "warning: --track mlflow: no longer told: ConnectionError: the server",
        "warning: --track wandb: still behind; what is not there yet stays out",
    ]
    assert (good.abandoned, broken.abandoned, hung.abandoned) == (0, 1, 1)
    forever.set()
    records = read_records(tmp_path / "store").records
    steps = [each for each in good.told if each[0] == "step"]
    assert len(steps) == len(records)
    assert good.told[-1] == ("close",)
    begun = [each[1] for each in good.told if each[0] == "begin"]
    assert begun == list(dict.fromkeys(begun))
    assert sorted(begun) == sorted(each[1] for each in good.told if each[0] == "end")
    reports = [each[3] for each in good.told if each[0] == "begin" and each[3]["purpose"] == "report"]
    others = [each[1] for each in good.told if each[0] == "begin" and each[3]["purpose"] != "report"]
    assert len(reports) == 6  # glnn's default, tuned and ablated, and one each of the controls
    assert not any(name.startswith("test") for each in steps if each[1] in others for name in each[3])
    for each in steps:  # numbers alone: no teacher, no text
        assert {type(value) for value in each[3].values()} <= {int, float}


def test_a_teacher_whose_folder_was_lost_ends_its_run(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    plan = plan_of(search={"trials": 1, "seeds": [100]}, report={"seeds": 1})
    with Store(tmp_path / "store", plan) as store:
        Driver(plan, store).run(InProcessExecutor(store.artefacts.load))
    kept = read_records(tmp_path / "store").records
    reports = [record.search for record in kept if record.kind == "report"]
    selections = {search.selection for search in reports if search and search.trials}
    assert selections == {"both", "ablated"}  # the default alone was tried
    assert {str(record.metrics.val) for record in kept if record.kind == "speed"} == {"{}"}  # one epoch's mean nothing
    (tmp_path / "store" / "records" / "report.jsonl").unlink()  # so that the teachers are wanted again
    shutil.rmtree(tmp_path / "store" / "teachers")
    book = Book()
    with Store(tmp_path / "store", plan) as store:
        driver = Driver(plan, store)
        watcher = Tracking(plan, {TrackerTarget("mlflow", ""): book}, pytest.fail)
        driver.watch(watcher)
        driver.run(InProcessExecutor(store.artefacts.load))
    watcher.close(10.0)
    assert len(read_records(tmp_path / "store").records) == len(kept)
    teachers = [each[1] for each in book.told if each[0] == "begin" and each[3]["purpose"] == "teacher"]
    assert [each for each in book.told if each[0] == "end" and each[1] in teachers] == [
        ("end", key, False) for key in teachers
    ]
    assert teachers
