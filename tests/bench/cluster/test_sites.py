"""Job files for six sites, as their people would write them, read back by what each system allows."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

SITES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "a national centre's A100 nodes": (
        "slurm",
        {
            "account": "abc-1234",
            "partition": "gpu,long",
            "qos": "normal",
            "constraint": "a100&nvme",
            "nodes": 2,
            "cpus_per_node": 32,
            "gpus_per_node": 4,
            "gpu_type": "a100",
            "memory": "480G",
            "time": "1-12:00:00",
            "modules": ["gcc/12.2", "cuda/12.4"],
            "venv": "$HOME/envs/distillery",
            "store": "/scratch/$USER/stores",
            "mirror": "/datasets/pyg",
            "output": "logs/%x-%j.out",
            "mail": {"to": "me@example.org", "when": ["begin", "end", "fail"]},
            "licenses": {"lustre": 1},
            "sbatch": ['--comment="night run"', "--hint=nomultithread"],
            "env": {"HTTPS_PROXY": "http://proxy:3128"},
            "sweep_args": {"track": ["mlflow=http://tracker:5000"], "retry_failed": True, "save_students": "best"},
        },
        {},
    ),
    "a machine with pyxis, nodes shared": (
        "slurm",
        {
            "mode": "head-workers",
            "nodes": 3,
            "cpus_per_node": 16,
            "gpus_per_node": 2,
            "memory_per_cpu": "4G",
            "container": {"runtime": "pyxis", "image": "/images/distillery.sqsh", "mounts": ["/raid:/raid"]},
            "store": "/lustre/$USER/a b",
            "data": "/lustre/data",
            "requeue": False,
            "reservation": "gnn",
            "sweep_args": {"optuna_storage": "$OPTUNA_URL"},
        },
        {"gpus": 0.25},
    ),
    "a department's small jobs": (
        "slurm",
        {"mode": "array", "parts": 3, "at_once": 2, "cpus_per_node": 4, "gpus_per_node": 1, "conda": "distillery"},
        {},
    ),
    "PBS with Apptainer": (
        "pbs",
        {
            "account": "WBS-7",
            "queue": "gpuq",
            "nodes": 2,
            "cpus_per_node": 24,
            "gpus_per_node": 3,
            "memory": "180G",
            "time": "12:30:00",
            "place": "scatter",
            "exclusive": True,
            "licenses": {"fs_work": 1},
            "container": {"image": "/sw/images/distillery.sif", "options": ["--cleanenv"]},
            "output": "logs/",
            "mail": {"to": "me@example.org"},
            "store": "$WORK/stores",
            "pbs": ["-W umask=0027", "-l arch=x86"],
        },
        {},
    ),
    "LSF with POWER nodes": (
        "lsf",
        {
            "account": "GNN101",
            "queue": "batch",
            "nodes": 2,
            "cpus_per_node": 42,
            "gpus_per_node": 6,
            "gpu_type": "TeslaV100_SXM2_16GB",
            "memory_per_cpu": "8G",
            "time": "2:00:00",
            "exclusive": True,
            "modules": ["python/3.11"],
            "mail": {"to": "me", "when": ["begin", "end"]},
            "licenses": {"nvme": 2},
            "bsub": ["-alloc_flags gpumps"],
        },
        {"cpus": 7, "gpus": 1},
    ),
    "an array of LSF": ("lsf", {"mode": "array", "parts": 2, "at_once": 1, "requeue": False}, {}),
    "an array of PBS": ("pbs", {"mode": "array", "parts": 2, "at_once": 1, "cpus_per_node": 4}, {}),
}
#: What may follow each option of a directive; None: nothing.
_NAME, _NUMBER = r"[\w.,&|:@/+-]+", r"\d+"
_TIME = r"(\d+-)?\d{1,4}(:\d\d){0,2}"
OPTIONS: dict[str, dict[str, str | None]] = {
    "slurm": {
        **dict.fromkeys(("--account", "--partition", "--qos", "--constraint", "--reservation", "--job-name"), _NAME),
        **dict.fromkeys(("--nodes", "--ntasks-per-node", "--cpus-per-task"), _NUMBER),
        "--gpus-per-node": r"(\w+:)?\d+",
        "--mem": r"\d+[KMGT]?",
        "--mem-per-cpu": r"\d+[KMGT]?",
        "--time": _TIME,
        "--signal": r"B:TERM@\d+",
        "--open-mode": "append",
        "--output": r"[\w./%-]+",
        "--array": r"\d+-\d+(%\d+)?",
        "--mail-user": r"\S+",
        "--mail-type": "(BEGIN|END|FAIL)(,(BEGIN|END|FAIL))*",
        "--licenses": r"\w+:\d+",
        "--requeue": None,
        "--no-requeue": None,
        "--exclusive": None,
        "--comment": ".*",
        "--hint": "nomultithread",
    },
    "pbs": {
        "-N": r"[A-Za-z][\w.-]*",
        "-j": "oe",
        "-o": r"[\w./^-]+",
        "-A": _NAME,
        "-q": _NAME,
        "-M": r"\S+",
        "-m": "[abe]+",
        "-J": r"\d+-\d+(%\d+)?",
        "-r": "[yn]",
        "-W": r"umask=\d+",
        "-l": r"select=\d+(:\w+=\w+)+|place=[a-z]+(:[a-z]+)*|walltime=\d+:\d\d:\d\d|\w+=\w+",
    },
    "lsf": {
        "-J": r"[\w.-]+(\[\d+-\d+\](%\d+)?)?",
        "-o": r"[\w./%-]+",
        "-P": _NAME,
        "-q": _NAME,
        "-u": r"\S+",
        "-n": _NUMBER,
        "-B": None,
        "-N": None,
        "-x": None,
        "-r": None,
        "-rn": None,
        "-Q": r"\d+",
        "-W": r"\d+:\d\d",
        "-R": r"span\[ptile=\d+\]|rusage\[\w+=\w+(/host)?(,\w+=\w+)*\]",
        "-alloc_flags": "gpumps",
        "-gpu": r"num=\d+/host:mode=(shared|exclusive_process)(:gmodel=\w+)?",
    },
}
_PREFIX = {"slurm": "#SBATCH", "pbs": "#PBS", "lsf": "#BSUB"}


def directives(kind: str, script: str) -> list[tuple[str, str | None]]:
    """Options and values of the lines that the scheduler reads: those before the first command."""
    lines = script.splitlines()
    assert lines[0] == "#!/bin/bash"
    first = next(n for n, line in enumerate(lines) if line and not line.startswith("#"))
    assert not any(line.startswith(_PREFIX[kind]) for line in lines[first:]), "a directive that nobody reads"
    found = []
    for line in lines[:first]:
        if line.startswith(_PREFIX[kind]):
            words = shlex.split(line.removeprefix(_PREFIX[kind]))
            if kind == "slurm":
                assert len(words) == 1
                words = words[0].split("=", 1)
            assert len(words) <= 2
            found.append((words[0], words[1] if len(words) == 2 else None))
    return found


@pytest.mark.parametrize("site", SITES)
def test_directives_are_those_of_the_scheduler(
    site: str, launch: Callable[..., Any], require_or_skip: Callable[[str, str], None]
) -> None:
    kind, section, resources = SITES[site]
    code, err, made = launch(kind, section, resources=resources)
    assert code == 0, err
    ((_, script),) = made["files"].items()
    for option, value in directives(kind, script):
        assert option in OPTIONS[kind]
        wanted = OPTIONS[kind][option]
        assert value is None if wanted is None else value is not None and re.fullmatch(wanted, value), (option, value)
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    if shutil.which("shellcheck") is None:
        require_or_skip("shellcheck", "no shellcheck on the path")
    done = subprocess.run(["shellcheck", "-"], input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_schedulers_are_asked_for_the_same(launch: Callable[..., Any]) -> None:
    """The common settings, in the words of each."""
    common = {
        "nodes": 2,
        "cpus_per_node": 8,
        "gpus_per_node": 2,
        "memory_per_cpu": "2G",
        "time": "90",
        "account": "a1",
        "mail": {"to": "me@x.org", "when": ["end"]},
        "licenses": {"lic": 3},
        "output": "out",
    }
    found = {}
    for kind in ("slurm", "pbs", "lsf"):
        _, _, made = launch(kind, {**common, **({"mode": "head-workers"} if kind == "slurm" else {})})
        (script,) = made["files"].values()
        found[kind] = directives(kind, script)
        assert "--workers 16 --gpus 0.25 --device cuda" in script
        assert "--num-cpus=8 --num-gpus=2" in script
    wanted = {"--mem-per-cpu": "2G", "--time": "90", "--gpus-per-node": "2", "--licenses": "lic:3", "--account": "a1"}
    assert wanted.items() <= dict(found["slurm"]).items()
    resources = [value for option, value in found["pbs"] if option == "-l"]
    assert "select=2:ncpus=8:mpiprocs=1:ngpus=2:mem=16384mb" in resources
    assert {"walltime=01:30:00", "lic=3", "place=scatter"} <= set(resources)
    assert {("-n", "16"), ("-W", "1:30"), ("-P", "a1"), ("-gpu", "num=2/host:mode=shared")} <= set(found["lsf"])
    rusage = {value for option, value in found["lsf"] if option == "-R"}
    assert rusage == {"span[ptile=8]", "rusage[mem=16384MB/host]", "rusage[lic=3]"}


@pytest.mark.parametrize(
    ("kind", "section", "says"),
    [
        ("slurm", {"sbatch": ["--nodes=3"]}, "the field 'nodes' says that"),
        ("slurm", {"sbatch": ["-N3"]}, "the field 'nodes' says that"),
        ("slurm", {"sbatch": ["--gres=gpu:4"]}, "the field 'gpus_per_node' says that"),
        ("slurm", {"sbatch": ["--comment=a\n#SBATCH --uid=0"]}, "slurm.sbatch.0: one line of printable"),
        ("slurm", {"sbatch": ["--comment=$(id)"]}, "slurm.sbatch.0: a directive expands nothing"),
        ("slurm", {"containr": {}}, "did you mean 'container'?"),
        ("slurm", {"container": {"imge": "x"}}, "did you mean 'image'?"),
        ("slurm", {"container": {"image": "x"}, "venv": "/v"}, "a Python of its own"),
        ("slurm", {"licences": {"a": 1}}, "did you mean 'licenses'?"),
        ("slurm", {"memory": "1G", "memory_per_cpu": "1G"}, "either memory or memory_per_cpu"),
        ("slurm", {"env": {"RAY_AUTH_TOKEN": "x"}}, "the job files set it"),
        ("slurm", {"env": {"A B": "x"}}, "slurm.env.A B"),
        ("slurm", {"sweep_args": {"track": ["mlflw=x"]}}, "did you mean 'mlflow'?"),
        ("slurm", {"sweep_args": {"retry_faild": True}}, "did you mean 'retry_failed'?"),
        ("slurm", {"sweep_args": {"save_students": "bst"}}, "did you mean 'best'?"),
        ("slurm", {"store": "/scratch/$(whoami)"}, "only $NAME and ${NAME} are"),
        ("slurm", {"store": "/scratch/${USER:-x}"}, "only $NAME and ${NAME} are"),
        ("slurm", {"mail": {"to": "a b"}}, "slurm.mail.to: "),
        ("pbs", {"mode": "symmetric"}, "pbs.mode: "),
        ("pbs", {"pbs": ["-l walltime=1:0:0"]}, "the field 'time' says that"),
        ("pbs", {"container": {"runtime": "pyxis", "image": "x"}}, "pyxis is a plug-in of Slurm"),
        ("pbs", {"time": "1"}, "leaves no time to work"),
        ("lsf", {"bsub": ["-W 5"]}, "the field 'time' says that"),
        ("lsf", {"quue": "x"}, "lsf: unknown field 'quue'; did you mean 'queue'?"),
    ],
)
def test_a_wrong_setting_is_one_line(kind: str, section: dict[str, Any], says: str, launch: Callable[..., Any]) -> None:
    code, err, made = launch(kind, section)
    assert (code, made) == (2, None)
    assert says in err
    assert len(err.splitlines()) == 1


def test_a_variable_is_expanded_on_the_node_or_ends_the_job_with_its_name(launch: Callable[..., Any]) -> None:
    """Run by bash, with a recorder in the place of the suite."""
    _, _, made = launch("slurm", {"mode": "array", "parts": 2, "store": "/scratch/$WHO/a b", "env": {"X": "${WHO}!"}})
    (script,) = made["files"].values()
    script = 'distillery() { printf "%s\\n" "$X" "$@"; }\n' + script
    environment = {"PATH": "/usr/bin:/bin", "SLURM_ARRAY_TASK_ID": "2", "SLURM_JOB_ID": "7"}

    def run(**more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-s"], input=script, text=True, env=environment | more, check=False, capture_output=True
        )

    lines = run(WHO="m $(e)").stdout.splitlines()
    assert lines[0] == "m $(e)!"
    assert "/scratch/m $(e)/a b/part-2-of-2" in lines
    without = run()
    assert without.returncode != 0
    assert "WHO: is not set on this node" in without.stderr
    assert without.stdout == ""


@pytest.mark.parametrize(("seen", "code"), [("4", 0), ("2", 2), ("8", 2)])
def test_a_node_with_another_number_of_gpus_ends_the_job(seen: str, code: int, launch: Callable[..., Any]) -> None:
    _, _, made = launch("pbs", {"cpus_per_node": 4, "gpus_per_node": 4})
    (script,) = made["files"].values()
    check = script[script.index("gpus=${SLURM") : script.index("stopped=0")]
    devices = ",".join(map(str, range(int(seen))))
    done = subprocess.run(
        ["bash", "-c", check], env={"CUDA_VISIBLE_DEVICES": devices}, capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert (f"set gpus_per_node: {seen}" in done.stderr) == (code == 2)
