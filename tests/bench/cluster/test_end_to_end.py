"""Submitted jobs, run by a Slurm of one machine: an array of shards, and a Ray cluster of two nodes in one job."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.shards import Shard, take_shard
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.store.kept_status import read_status
from graph_distillery.leaderboard import build_board

HERE = Path(__file__).resolve().parent
_found = importlib.util.spec_from_file_location("scheduler", HERE / "scheduler.py")
assert _found is not None
assert _found.loader is not None
scheduler = importlib.util.module_from_spec(_found)
_found.loader.exec_module(scheduler)


@pytest.fixture
def cluster(tmp_path: Path, repo_root: Path) -> dict[str, str]:
    """The environment of a login node: Slurm, Ray and the suite on the path."""
    bin_, state = tmp_path / "bin", tmp_path / "slurm"
    bin_.mkdir()
    state.mkdir()
    python = shlex.quote(sys.executable)
    programs = {name: f"{python} {shlex.quote(str(HERE / 'scheduler.py'))} {name}" for name in scheduler.PROGRAMS}
    programs["distillery"] = f"{python} -m graph_distillery.bench.cli"
    for name, words in programs.items():
        (bin_ / name).write_text(f'#!/bin/bash\nexec {words} "$@"\n')
        (bin_ / name).chmod(0o755)
    known = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}  # tests/conftest.py
    return {
        **known,
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "PYTHONPATH": str(repo_root),
        "FAKE_SLURM": str(state),
        "DISTILLERY_DATA": str(tmp_path / "data"),
    }


@pytest.fixture
def submit(cluster: dict[str, str], tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """``submit(spec, section)``: `distillery launch slurm --submit`, started; more: of its environment."""

    def start(
        spec: Mapping[str, Any], section: Mapping[str, Any], kind: str = "slurm", **more: str
    ) -> subprocess.Popen[str]:
        (tmp_path / "mini.yaml").write_text(yaml.safe_dump(dict(spec)))
        (tmp_path / "cluster.yaml").write_text(yaml.safe_dump({kind: dict(section)}))
        words = ["distillery", "launch", kind, "mini.yaml", "--settings", "cluster.yaml", "--submit"]
        return subprocess.Popen(
            words, cwd=tmp_path, env=cluster | more, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    return start


def logs(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted((folder / "slurm").glob("*.log")))


@pytest.mark.slow  # half a minute
def test_an_array_carries_a_plan_in_shards(
    submit: Callable[..., subprocess.Popen[str]], mini: dict[str, Any], tmp_path: Path
) -> None:
    job = submit(mini, {"mode": "array", "parts": 2, "cpus_per_node": 1, "store": str(tmp_path / "the stores")})
    said, _ = job.communicate(timeout=200)
    assert job.returncode == 0, said + logs(tmp_path)
    stores = sorted((tmp_path / "the stores").iterdir())
    assert [store.name for store in stores] == ["part-1-of-2", "part-2-of-2"]
    whole = make_plan(parse_spec(mini, "spec"))
    reported = [{r.cell.id for r in read_records(store).records if r.kind == "report"} for store in stores]
    assert [
        ids == {cell.id for cell in take_shard(whole, Shard(number, 2)).cells} for number, ids in enumerate(reported, 1)
    ] == [True, True]
    assert reported[0] | reported[1] == {cell.id for cell in whole.cells}
    assert not reported[0] & reported[1]
    build_board(stores, tmp_path / "board")
    text = (tmp_path / "board" / "README.md").read_text()
    assert all(cell.method.name in text for cell in whole.cells)


@pytest.mark.slow  # about a minute each
@pytest.mark.parametrize("mode", ["head-workers", "symmetric", "pbs", "lsf"])
def test_two_ray_nodes_carry_a_plan_and_preemption_resumes_it(
    mode: str, submit: Callable[..., subprocess.Popen[str]], mini: dict[str, Any], tmp_path: Path
) -> None:
    """The scheduler's signal comes in the middle, with PBS and LSF that of the script's own timer; the job goes back
    into the queue, and its second run completes."""
    if mode == "symmetric" and not addresses():
        pytest.skip("symmetric-run takes no loopback address for several nodes, and this machine has no other")
    student = {"model": "mlp", "hidden": 16, "epochs": 120, "patience": 0}
    mini |= {"datasets": ["csbm"], "split": None, "students": [student], "search": {"trials": 6, "seeds": [100, 101]}}
    store = tmp_path / "store"
    section: dict[str, Any] = {"nodes": 2, "cpus_per_node": 1, "store": str(store), "setup": here(mode)}
    slurm = mode not in ("pbs", "lsf")
    job = submit(mini, {**section, "mode": mode}) if slurm else submit(mini, section, mode)
    state = tmp_path / "slurm"
    try:
        until = time.monotonic() + 120
        while not (store / "records" / "trial.jsonl").exists():
            assert job.poll() is None, logs(tmp_path)
            assert time.monotonic() < until, logs(tmp_path)
            time.sleep(0.1)
        began = time.monotonic()
        os.kill(int((state / "batch.pid").read_text()), signal.SIGTERM if slurm else signal.SIGUSR1)
        while not (state / "requeued-once").exists():
            assert time.monotonic() - began < 40, logs(tmp_path)
            time.sleep(0.1)
        before = {record.id for record in read_records(store).records}
        said, _ = job.communicate(timeout=200)
    finally:
        scheduler.end(f"{state}:")
        job.kill()
    assert job.returncode == 0, said + logs(tmp_path)
    assert len(said.splitlines()) == 1
    assert "4000" in said
    text = logs(tmp_path)
    assert text.count("distillery: interrupted; what was finished is kept, go on with: distillery sweep") == 1
    calls = [json.loads(line) for line in (state / "calls").read_text().splitlines()]
    again = {"pbs": ["qsub", "mini.pbs"], "lsf": ["bsub"]}.get(mode, ["scontrol", "requeue", "4000"])
    assert calls.count(again) == {"pbs": 2}.get(mode, 1)
    assert text.count("Ray runtime started") == (2 if mode == "symmetric" else 4), "of the head it tells nothing"
    assert "Failed to start Ray" not in text.split("distillery: interrupted")[0]
    status = read_status(store)
    assert all(cell.state == "done" and not cell.failed for cell in status.cells)
    ids = [record.id for record in read_records(store).records]
    assert len(ids) == len(set(ids))
    assert before < set(ids)


#: In every process of a node: writes down which GPUs Ray shows it.
SPY = """
import os, threading, time
def watch():
    seen = ""
    while True:
        shown = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        if shown != seen and shown:
            with open(os.path.join(os.environ["FAKE_SLURM"], "gpus"), "a") as file:
                file.write(os.environ["FAKE_NODE"].rpartition(":")[2] + " " + shown + "\\n")
        seen = shown
        time.sleep(0.02)
if "FAKE_NODE" in os.environ:
    threading.Thread(target=watch, daemon=True).start()
"""


@pytest.mark.slow  # half a minute
def test_every_gpu_that_the_nodes_report_has_a_worker(
    submit: Callable[..., subprocess.Popen[str]], mini: dict[str, Any], cluster: dict[str, str], tmp_path: Path
) -> None:
    """Two nodes of two GPUs each and a spec that names none. There is no such device here: the trials, placed on GPUs
    by Ray, train on the processor."""
    student = {"model": "mlp", "hidden": 16, "epochs": 60, "patience": 0}
    mini |= {"datasets": ["csbm"], "split": None, "students": [student], "search": {"trials": 6, "seeds": [100, 101]}}
    (tmp_path / "spy").mkdir()
    (tmp_path / "spy" / "sitecustomize.py").write_text(SPY)
    program = tmp_path / "bin" / "distillery"
    program.write_text(program.read_text().replace('"$@"', '"${@/#cuda/cpu}"'))
    section: dict[str, Any] = {"mode": "head-workers", "nodes": 2, "cpus_per_node": 2, "gpus_per_node": 2}
    section |= {"store": str(tmp_path / "store"), "setup": here("head-workers")}
    path = f"{tmp_path / 'spy'}:{cluster['PYTHONPATH']}"
    job = submit(mini, section, PYTHONPATH=path, FAKE_GPUS="2")
    try:
        said, _ = job.communicate(timeout=300)
    finally:
        scheduler.end(f"{tmp_path / 'slurm'}:")
        job.kill()
    assert job.returncode == 0, said + logs(tmp_path)
    script = (tmp_path / "mini-slurm" / "mini.sbatch").read_text()
    assert "--workers 4 --gpus 1 --device cuda" in script
    seen = set((tmp_path / "slurm" / "gpus").read_text().splitlines())
    assert {"0 0", "0 1", "1 0", "1 1"} <= seen
    assert all(cell.state == "done" and not cell.failed for cell in read_status(tmp_path / "store").cells)


def test_nodes_with_other_gpus_end_the_job(
    submit: Callable[..., subprocess.Popen[str]], mini: dict[str, Any], tmp_path: Path
) -> None:
    job = submit(mini, {"cpus_per_node": 4, "gpus_per_node": 2}, FAKE_GPUS="4")
    job.communicate(timeout=100)
    assert job.returncode == 1
    assert "made for 2 GPUs a node and has 4 here; set gpus_per_node: 4" in logs(tmp_path)
    assert not (tmp_path / "mini").exists()


def addresses() -> list[str]:
    """This machine's own, but for loopback."""
    every = [address.address for device in psutil.net_if_addrs().values() for address in device]
    return [address for address in every if re.fullmatch(r"[0-9.]+", address) and not address.startswith("127.")]


def here(mode: str) -> list[str]:
    """Where no other machine can reach this one, loopback does for two nodes on it."""
    return [] if addresses() or mode == "symmetric" else ["export DISTILLERY_HEAD_IP=127.0.0.1"]
