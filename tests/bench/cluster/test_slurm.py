"""Batch scripts that bash and shellcheck accept, whatever names and paths they carry."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MODES: dict[str, dict[str, Any]] = {
    "symmetric": {"mode": "symmetric", "nodes": 2, "gpus_per_node": 4, "gpu_type": "a100"},
    "head-workers": {"mode": "head-workers", "nodes": 3, "cpus_per_node": 16},
    "one node": {"mode": "head-workers", "nodes": 1, "requeue": False},
    "array": {"mode": "array", "parts": 3, "at_once": 2, "gpus_per_node": 1},
}
#: What a shell would break at, were it not quoted.
HOSTILE = "a é; touch owned & \"x' | \\ #"
RICH = {
    "account": "abc-1",
    "partition": "gpu,long",
    "constraint": "a100&nvme",
    "memory": "64G",
    "time": "1-12:00:00",
    "modules": ["gcc/12.2", "cuda/12.4"],
    "venv": f"/envs/{HOSTILE}",
    "data": HOSTILE,
    "mirror": f"/mirror/{HOSTILE}",
    "store": f"/scratch/{HOSTILE}",
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("word", "severity"), [("a place", "style"), (HOSTILE, "warning")], ids=["plain", "hostile"])
def test_scripts_pass_bash_and_shellcheck(
    mode: str,
    word: str,
    severity: str,
    launch: Callable[..., Any],
    require_or_skip: Callable[[str, str], None],
    tmp_path: Path,
) -> None:
    rich = {key: value.replace(HOSTILE, word) if isinstance(value, str) else value for key, value in RICH.items()}
    code, err, made = launch("slurm", {**rich, **MODES[mode]}, folder=tmp_path / word.replace("/", ""))
    assert code == 0, err
    ((name, script),) = made["files"].items()
    assert name == "mini.sbatch"
    assert made["commands"] == [["sbatch", "mini.sbatch"]]
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    if shutil.which("shellcheck") is None:
        require_or_skip("shellcheck", "no shellcheck on the path")
    done = subprocess.run(
        ["shellcheck", f"--severity={severity}", "-"], input=script, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("mode", MODES)
def test_hostile_paths_reach_the_programs_as_they_are(mode: str, launch: Callable[..., Any], tmp_path: Path) -> None:
    """Every program of the script is a recorder of its arguments; nothing else may run."""
    folder = tmp_path / HOSTILE.replace("/", "")
    settings = {key: value for key, value in {**RICH, **MODES[mode]}.items() if key not in ("venv", "modules")}
    code, err, made = launch("slurm", settings, folder=folder)
    assert code == 0, err
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    log = tmp_path / "log"
    for name in ("srun", "ray", "distillery", "squeue", "scontrol"):
        (bin_ / name).write_text(f'#!/bin/bash\nprintf "%s\\n" "{name}" "$@" >> {shlex.quote(str(log))}\n')
        (bin_ / name).chmod(0o755)
    environment = {
        "PATH": f"{bin_}:/usr/bin:/bin",
        "SLURM_JOB_ID": "7",
        "SLURM_ARRAY_TASK_ID": "2",
        "DISTILLERY_HEAD_IP": "127.0.0.1",
    }
    script = next(iter(made["files"].values()))
    done = subprocess.run(
        ["bash", "-s"], input=script, text=True, cwd=tmp_path, env=environment, check=False, capture_output=True
    )
    assert done.returncode == (mode == "symmetric"), "a step without a driver is a failure, whatever srun says"
    said = log.read_text().splitlines()
    assert str(folder / "mini.yaml") in said
    assert any(line.startswith(f"/scratch/{HOSTILE}") for line in said)
    assert not list(tmp_path.rglob("owned"))


@pytest.mark.parametrize("mode", ["symmetric", "head-workers"])
def test_a_cluster_is_closed_by_default(mode: str, launch: Callable[..., Any]) -> None:
    _, _, made = launch("slurm", MODES[mode])
    script = made["files"]["mini.sbatch"]
    assert "RAY_AUTH_MODE=token" in script
    assert "--dashboard-host=127.0.0.1" in script
    assert "client-server-port" not in script
    assert "#SBATCH --signal=B:TERM@60\n" in script
    assert "#SBATCH --requeue\n" in script
    assert ("#SBATCH --exclusive" in script) == (mode == "symmetric"), "symmetric-run ends with `ray stop`"


def test_slots_fill_the_allocation(launch: Callable[..., Any]) -> None:
    section = {"nodes": 2, "cpus_per_node": 16, "gpus_per_node": 4}
    _, _, made = launch("slurm", section, resources={"cpus": 2, "gpus": 0.5})
    assert "--workers 16 --device cuda" in made["files"]["mini.sbatch"]
    _, _, made = launch("slurm", {**section, "gpus_per_node": 2}, resources={"cpus": 2, "gpus": 0.2})
    assert "--workers 16 --device cuda" in made["files"]["mini.sbatch"], "CPUs are the tighter limit"
    code, err, _ = launch("slurm", section, resources={"cpus": 2, "gpus": 9})
    assert code == 2
    assert "a trial asks for 2 CPUs and 9 GPUs, and a node of the cluster has 16 and 4" in err
    section["gpus_per_node"] = 0
    code, _, _ = launch("slurm", section, resources={"cpus": 20})
    assert code == 2, "32 CPUs in all, but no node holds such a trial, and Ray would wait for ever"
    _, _, made = launch("slurm", section, resources={"cpus": 9})
    assert "--workers 2 " in made["files"]["mini.sbatch"], "one a node, with 7 CPUs left on each"
    mixed = {"cpus": 16, "overrides": {"glnn": {"cpus": 1, "gpus": 1}}}
    _, _, made = launch("slurm", {**section, "gpus_per_node": 1}, resources=mixed)
    assert "--workers 2 " in made["files"]["mini.sbatch"], "two of the large ones, and of the others"


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"partitoin": "gpu"}, "slurm: unknown field 'partitoin'; did you mean 'partition'?"),
        ({"account": "a\n#SBATCH --uid=0"}, "slurm.account: "),
        ({"venv": "a\nrm -rf ~"}, "slurm.venv: one line of printable characters is expected"),
        ({"modules": ["a; b"]}, "slurm.modules.0: "),
        ({"time": 600}, "slurm.time: "),
        ({"mode": "array"}, "parts: mode array needs it"),
        ({"mode": "array", "parts": 50}, "slurm.parts: 50 shards of 4 cells"),
        ({"mode": "symmetric", "exclusive": False}, "ray stop"),
        ({"nodes": 0}, "slurm.nodes: "),
    ],
)
def test_a_wrong_setting_is_one_line(section: dict[str, Any], says: str, launch: Callable[..., Any]) -> None:
    code, err, made = launch("slurm", section)
    assert (code, made) == (2, None)
    assert says in err
    assert len(err.splitlines()) == 1


def test_a_line_break_in_a_path_is_refused(launch: Callable[..., Any], tmp_path: Path) -> None:
    code, err, _ = launch("slurm", {}, folder=tmp_path / "a\nscancel")
    assert code == 2
    assert "cannot be printed" in err
