"""What a sweep shows while it runs: a table on a terminal, sparse lines in a log, nothing when quiet."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from graph_distillery.bench.cli import progress as progress_module
from graph_distillery.bench.cli.live_table import render
from graph_distillery.bench.cli.progress import ProgressDisplay
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.executors.in_process import InProcessExecutor
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import read_spec
from graph_distillery.bench.sweeps.store.heartbeat import Heartbeat, read_pulse
from graph_distillery.bench.sweeps.store.kept_status import read_status
from graph_distillery.bench.sweeps.store.store import Store


def drawn(progress: ProgressDisplay, width: int = 100) -> str:
    sheet = io.StringIO()
    Console(file=sheet, width=width, color_system=None, legacy_windows=False).print(render(progress.sweep))
    return sheet.getvalue()


def test_quiet_is_quiet_and_json_alone(distillery: Callable[..., Any], write_spec: Callable[..., Path]) -> None:
    done = distillery("sweep", write_spec(), "--quiet", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json["new_records"] > 0


def test_failures_are_told_when_quiet(distillery: Callable[..., Any], write_spec: Callable[..., Path]) -> None:
    spec = write_spec(resources={"time_limit_s": 1e-9})
    done = distillery("sweep", spec, "-q", "--json")
    assert done.code == 1
    assert all("TIMEOUT" in line for line in done.err.splitlines())
    assert len(done.err.splitlines()) == len(done.json["failures"])
    told = distillery("sweep", spec, "--retry-failed", "--dry-run").out
    assert f"--retry-failed: {len(done.json['failures'])} failed run" in told


def test_the_table_follows_the_sweep(
    distillery: Callable[..., Any], write_spec: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Drawn after every record, at any width: numbers never go back, and at the end all is done."""
    plan = make_plan(read_spec(write_spec()))
    pictures: list[str] = []
    with Store(tmp_path / "store", plan) as store:
        driver, progress = Driver(plan, store), ProgressDisplay(bar=False, quiet=True)
        tell = progress.attach(driver)
        assert "time left unknown" in drawn(progress)

        def listen(record: Any) -> None:
            tell(record)
            pictures.append(drawn(progress))
            drawn(progress, 20)
            read_status(tmp_path / "store")

        driver.listen(listen)
        driver.run(InProcessExecutor(store.artefacts.load))
        parts = [int(match[1]) for text in pictures if (match := re.search(r"(\d+)%", text))]
    assert len(parts) == len(pictures) > 10
    assert parts == sorted(parts)
    assert parts[-1] == 100
    assert any("searching" in text for text in pictures)
    assert "cells 4/4, trials 4/4, reports" in drawn(progress)
    assert "1 slot busy" in pictures[0]
    assert capsys.readouterr().err == ""


def test_a_log_gets_a_line_per_part_and_per_half_minute(
    write_spec: Callable[..., Path],
    tmp_path: Path,
    distillery: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ProgressDisplay, "_due", lambda self, now: True)
    every = [line for line in distillery("sweep", write_spec(), "--out", "a").err.splitlines() if "cells" in line]
    monkeypatch.setattr(progress_module, "LINE_EVERY_SHARE", 0.5)
    few = [line for line in distillery("sweep", write_spec(), "--out", "b").err.splitlines() if "cells" in line]
    assert 5 < len(every) <= 21
    assert all("1 of 1 slot busy" in line for line in every[:-1])
    assert 2 <= len(few) <= 3


def test_the_plan_is_summed_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: clock[0])
    display, sums = ProgressDisplay(bar=False), []
    sweep = SimpleNamespace(totals=lambda: sums.append(clock[0]) or SimpleNamespace(share=0.0))
    monkeypatch.setattr(display, "_say", lambda *_: None)
    for _ in range(100):
        clock[0] += 0.125
        display._perhaps_say(sweep)
    assert len(sums) == 12


def test_status_knows_what_runs_and_loads_no_torch(
    write_spec: Callable[..., Path], distillery: Callable[..., Any], tmp_path: Path, repo_root: Path
) -> None:
    plan = make_plan(read_spec(write_spec()))
    cell = plan.cells[-1]
    code = f"""
import sys
from graph_distillery.bench.cli import main
code = main(["status", {str(tmp_path / "store")!r}, "--json"])
heavy = {{"torch", "ray"}} & set(sys.modules)
assert not heavy, heavy
"""
    with Store(tmp_path / "store", plan), Heartbeat(tmp_path / "store", lambda: (3, {cell.id: 2}, None)):
        while read_pulse(tmp_path / "store") is None:
            pass
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(repo_root)},
            capture_output=True,
            text=True,
            check=False,
        )
        text = distillery("status", tmp_path / "store").out
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["driver"], told["pulse"]["slots"], told["pulse"]["busy"]) == (True, 3, 2)
    assert {each["id"]: each["running"] for each in told["cells"]}[cell.id] == 2
    assert "2 of 3 slots busy" in text
    assert distillery("status", tmp_path / "store", "--json").json["pulse"] is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"host": 1}', "\0"])
def test_a_heartbeat_of_no_shape_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "heartbeat.json").write_text(text)
    assert read_pulse(tmp_path) is None
