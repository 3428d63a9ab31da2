"""Submitted jobs, run by a Slurm of one machine: an array in parts, and a Ray cluster of two nodes in an allocation."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.records import read_records
from bench.sweeps.parts import Part, take_part
from bench.sweeps.plan import make_plan
from bench.sweeps.spec import parse_spec
from leaderboard import build_board

HERE = Path(__file__).resolve().parent


@pytest.fixture
def cluster(tmp_path: Path, repo_root: Path) -> dict[str, str]:
    """The environment of a login node: Slurm, Ray and the suite on the path."""
    bin_, state = tmp_path / "bin", tmp_path / "slurm"
    bin_.mkdir()
    state.mkdir()
    python = shlex.quote(sys.executable)
    programs = {
        name: f"{python} {shlex.quote(str(HERE / 'scheduler.py'))} {name}"
        for name in ("sbatch", "srun", "squeue", "scontrol", "ray")
    }
    programs["distillery"] = f"{python} -m bench.cli"
    for name, words in programs.items():
        (bin_ / name).write_text(f'#!/bin/bash\nexec {words} "$@"\n')
        (bin_ / name).chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "PYTHONPATH": str(repo_root),
        "FAKE_SLURM": str(state),
        "DISTILLERY_DATA": str(tmp_path / "data"),
    }


@pytest.fixture
def submit(cluster: dict[str, str], tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """``submit(spec, section)``: `distillery launch slurm --submit`, started."""

    def start(spec: Mapping[str, Any], section: Mapping[str, Any]) -> subprocess.Popen[str]:
        (tmp_path / "mini.yaml").write_text(yaml.safe_dump(dict(spec)))
        (tmp_path / "cluster.yaml").write_text(yaml.safe_dump({"slurm": dict(section)}))
        words = ["distillery", "launch", "slurm", "mini.yaml", "--settings", "cluster.yaml", "--submit"]
        return subprocess.Popen(
            words, cwd=tmp_path, env=cluster, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    return start


def logs(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted((folder / "slurm").glob("*.log")))


def test_an_array_carries_a_plan_in_parts(
    submit: Callable[..., subprocess.Popen[str]], spec: dict[str, Any], tmp_path: Path
) -> None:
    job = submit(spec, {"mode": "array", "parts": 2, "cpus_per_node": 1, "store": str(tmp_path / "the stores")})
    said, _ = job.communicate(timeout=200)
    assert job.returncode == 0, said + logs(tmp_path)
    stores = sorted((tmp_path / "the stores").iterdir())
    assert [store.name for store in stores] == ["part-1-of-2", "part-2-of-2"]
    whole = make_plan(parse_spec(spec, "spec"))
    reported = [{r.cell.id for r in read_records(store).records if r.kind == "report"} for store in stores]
    assert [
        ids == {cell.id for cell in take_part(whole, Part(number, 2)).cells} for number, ids in enumerate(reported, 1)
    ] == [True, True]
    assert reported[0] | reported[1] == {cell.id for cell in whole.cells}
    assert not reported[0] & reported[1]
    build_board(stores, tmp_path / "board")
    text = (tmp_path / "board" / "README.md").read_text()
    assert all(cell.method.name in text for cell in whole.cells)
