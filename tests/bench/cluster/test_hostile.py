"""Whatever a setting holds, a script is what it should be or there is none: one line and exit code 2."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from graph_distillery.bench.cluster import cloud
from graph_distillery.bench.cluster.batch import lsf, pbs, slurm
from graph_distillery.bench.cluster.files import Launch
from graph_distillery.bench.cluster.kuberay import make as make_kuberay
from graph_distillery.bench.cluster.request import LaunchRequest
from graph_distillery.bench.cluster.settings import read_settings
from graph_distillery.bench.cluster.shell import Literal
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.spec import parse_spec

HOSTILE = (
    "a'; touch owned; '",
    'a"; touch owned; "',
    "a\ntouch owned\n#SBATCH --uid=0",
    "a\u2028b",
    "$(touch owned)`touch owned`",
    "${x:-$(touch owned)}",
    "$USER; touch owned",
    "--help & touch owned | touch owned > owned",
    "a b é 日本 #",
    "a\\",
    "END\ntouch owned",
    "\x00",
)
#: A value for what must be there besides, and texts inside of lists and tables.
BASES: dict[str, list[dict[str, Any]]] = {
    "slurm": [{"nodes": 2}, {"mode": "array", "parts": 2}],
    "pbs": [{"nodes": 2}],
    "lsf": [{"mode": "array", "parts": 2}],
}
MAKE: dict[str, Any] = {"slurm": slurm.make, "pbs": pbs.make, "lsf": lsf.make}
INSIDE: dict[str, Any] = {
    "modules": lambda text: [text],
    "setup": None,  # a line of shell that the user answers for
    "licenses": lambda text: {text: 1},
    "mail": lambda text: {"to": text},
    "container": lambda text: {"image": text, "mounts": [text], "options": [text]},
    "env": lambda text: {"NAME": text},
    "sweep_args": lambda text: {"track": [f"wandb={text}"], "optuna_storage": f"sqlite:///{text}"},
    **dict.fromkeys(("sbatch", "pbs", "bsub"), lambda text: [f"--comment={text}"]),
}
NUMBERS = ("nodes", "parts", "at_once", "cpus_per_node", "gpus_per_node", "workers", "grace_s", "exclusive", "requeue")


def settings(kind: str, section: dict[str, Any], folder: Path) -> Any:
    file = folder / "cluster.yaml"
    file.write_text(yaml.safe_dump({kind: section}, allow_unicode=True))
    return getattr(read_settings(file), kind)


def cases(kind: str, model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name in model.model_fields:
        if name in NUMBERS or (name in INSIDE and INSIDE[name] is None):
            continue
        for text in HOSTILE:
            yield name, INSIDE[name](text) if name in INSIDE else text


@pytest.fixture
def request_(mini: dict[str, Any], tmp_path: Path) -> LaunchRequest:
    path = Literal(tmp_path / "the spec's $(touch owned) `touch owned` \"é.yaml")
    return LaunchRequest(parse_spec(mini, "spec"), path, yaml.safe_dump(mini), "2.60.0")


@pytest.mark.parametrize("kind", BASES)
def test_no_value_of_a_batch_job_is_run_or_leaves_its_line(kind: str, request_: LaunchRequest, tmp_path: Path) -> None:
    """Each text of every field: refused in a line, or the script, run with recorders for programs, touches nothing."""
    scripts: dict[str, str] = {}
    refused = 0
    unclear: list[str] = []
    for base in BASES[kind]:
        plain = lines_of(MAKE[kind](request_, settings(kind, base, tmp_path)))
        for name, value in cases(kind, type(settings(kind, base, tmp_path))):
            try:
                made: Launch = MAKE[kind](request_, settings(kind, {**base, name: value}, tmp_path))
            except UserError as error:
                unclear += [] if str(error).isprintable() else [str(error)]
                refused += 1
                continue
            (script,) = made.files.values()
            new = [line for line in script.split("\n") if line not in plain]
            assert not any(line.startswith(("touch", "#SBATCH --uid")) for line in new), (name, value)
            scripts[f"{base} {name} {value}"] = script
    assert not unclear
    assert refused > 80
    assert len(scripts) > 20
    run_all(scripts, tmp_path)
    assert not list(tmp_path.rglob("owned"))


def lines_of(made: Launch) -> set[str]:
    return {line for text in made.files.values() for line in text.split("\n")}


def run_all(scripts: dict[str, str], folder: Path) -> None:
    """All in one bash, each in a subshell whose programs are functions that do nothing."""
    names = ("srun", "ray", "distillery", "pbsdsh", "blaunch", "qsub", "squeue", "scontrol", "apptainer", "module")
    fakes = "".join(f"{name}() {{ :; }}; " for name in (*names, "conda", "mkdir", "rm", "sleep", "source", "cd", "awk"))
    parts = ["set +e", "mktemp() { echo scratch-of-a-test; }", "kill() { return 1; }", fakes]
    (folder / "scratch-of-a-test").mkdir()
    for number, script in enumerate(scripts.values()):
        (folder / f"{number}.sh").write_text(script)
        parts.append(f"( . ./{number}.sh ) > log-{number} 2>&1")
    environment = {
        "PATH": "/usr/bin:/bin",
        "USER": "me",
        "SLURM_JOB_ID": "7",
        "SLURM_ARRAY_TASK_ID": "1",
        "PBS_JOBID": "7.a",
        "PBS_ARRAY_INDEX": "1",
        "LSB_JOBID": "7",
        "LSB_JOBINDEX": "1",
        "LSB_DJOB_HOSTFILE": "/dev/null",
        "DISTILLERY_HEAD_IP": "127.0.0.1",
    }
    subprocess.run(["bash", "-c", "\n".join(parts)], cwd=folder, env=environment, check=False, timeout=60)


def test_no_value_of_a_ray_job_leaves_its_word(request_: LaunchRequest, tmp_path: Path) -> None:
    """The manifest is YAML that says back what went in; its entry point passes two shells and comes out in words."""
    base: dict[str, Any] = {"image": "x", "volume": {"claim": "stores"}}
    made, refused = 0, 0
    unclear: list[str] = []
    fields = ("store", "data", "mirror", "image", "namespace", "auth_secret", "ray_version", "pull_secrets", "pod")
    for name in (*fields, "env", "sweep_args"):
        for text in HOSTILE:
            value: Any = {"pull_secrets": [text], "pod": {"spec": {"priorityClassName": text}}}.get(name, text)
            value = INSIDE[name](text) if name in INSIDE else value
            try:
                section = settings("kuberay", {**base, name: value}, tmp_path)
                (manifest,) = make_kuberay(request_, section).files.values()
            except UserError as error:
                unclear += [] if str(error).isprintable() else [str(error)]
                refused += 1
                continue
            parts = list(yaml.safe_load_all(manifest))
            assert [part["kind"] for part in parts] == ["ConfigMap", "NetworkPolicy", "RayJob"]
            words = shlex.split(parts[-1]["spec"]["entrypoint"])
            words = shlex.split(words[2]) if words[0] == "bash" else words
            assert "distillery" in words[:2]
            if name == "store" and "$" not in text:
                assert words[words.index("--out") + 1] == text
            made += 1
    assert not unclear
    assert made > 20
    assert refused > 40


def test_no_value_of_a_ray_cluster_is_run(request_: LaunchRequest, tmp_path: Path) -> None:
    """The sweep's line, and what every node starts Ray with, run by a shell with recorders for programs."""
    base: dict[str, Any] = {"provider": {"type": "local", "head_ip": "192.0.2.1", "worker_ips": ["192.0.2.2"]}}
    lines, unclear, refused = [], [], 0
    fields = ("store", "data", "mirror", "image", "ssh_user", "ssh_private_key", "env", "sweep_args")
    for name in fields:
        for text in HOSTILE:
            value = INSIDE[name](text) if name in INSIDE else text
            try:
                made = cloud.make(request_, settings("ray", {**base, name: value}, tmp_path))
            except UserError as error:
                unclear += [] if str(error).isprintable() else [str(error)]
                refused += 1
                continue
            (text_,) = made.files.values()
            cluster = yaml.safe_load(text_)
            starts = (*cluster["head_start_ray_commands"], *cluster["worker_start_ray_commands"])
            lines += [made.commands[-1][-1], *(line for line in starts if "ray start" in line)]
    assert not unclear
    assert refused > 30
    assert len(lines) > 60
    parts = ["distillery() { :; }; ray() { :; }; ulimit() { :; }", *(f"( {line} )" for line in dict.fromkeys(lines))]
    environment = {"PATH": "/usr/bin:/bin", "USER": "me", "RAY_HEAD_IP": "192.0.2.1", "HOME": "/home/me"}
    done = subprocess.run(
        ["bash", "-c", "\n".join(parts)], cwd=tmp_path, env=environment, check=False, timeout=60, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert not list(tmp_path.rglob("owned"))
