"""A Slurm of one machine: `sbatch`, `srun`, `squeue` and `scontrol` as scripts that run the job here and now; a PBS by
`qsub` and `pbsdsh`, an LSF by `bsub` and `blaunch`.

`sbatch` waits until the job has ended, runs the tasks of an array one after the other, and runs a job again that was
put back into the queue. `srun` starts its tasks beside each other and hands signals on. Each node's `ray` sees its own
processes alone: `ray stop` ends those and no others, as on a machine of its own.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

STATE = Path(os.environ.get("FAKE_SLURM", "."))
OPTION = re.compile(r"^--([a-z-]+)(?:=(.*))?$")


def main(program: str, arguments: list[str]) -> int:
    """Be one of the programs."""
    with (STATE / "calls").open("a") as file:
        file.write(json.dumps([program, *arguments]) + "\n")
    return PROGRAMS[program](arguments)


def sbatch(arguments: list[str]) -> int:
    """Run the script; the number of the job on standard output comes last, for there is no queue."""
    text = Path(arguments[0]).read_text()
    directives = dict(
        match.groups() for line in text.splitlines() if (match := OPTION.match(line.removeprefix("#SBATCH ")))
    )
    first, _, last = (directives.get("array") or "0-0").partition("%")[0].partition("-")
    code = 0
    for task in range(int(first), int(last) + 1):
        environment = {**os.environ, "SLURM_JOB_ID": str(4000 + task), "SLURMD_NODENAME": "node0"}
        if "FAKE_GPUS" in os.environ:
            environment["SLURM_GPUS_ON_NODE"] = os.environ["FAKE_GPUS"]
        if "array" in directives:
            environment["SLURM_ARRAY_TASK_ID"] = str(task)
        code = max(code, carry_out(arguments[0], environment, task))
    print("Submitted batch job 4000")
    return code


def carry_out(script: str, environment: dict[str, str], task: int = 0) -> int:
    """Run a script until it is through and not put back into the queue."""
    while True:
        with (STATE / f"job-{task}.log").open("a") as log:
            job = subprocess.Popen(["bash", script], env=environment, stdout=log, stderr=log, start_new_session=True)
            (STATE / "batch.pid").write_text(str(job.pid))
            code = job.wait()
        end(f"{STATE}:")
        if code == 99:
            (STATE / "requeued").touch()
        if not (STATE / "requeued").exists():
            return code
        (STATE / "requeued").rename(STATE / "requeued-once")


def qsub(arguments: list[str]) -> int:
    """Out of a job it goes into the queue: the job is run again."""
    if "PBS_JOBID" in os.environ:
        (STATE / "requeued").touch()
        return 0
    code = carry_out(arguments[0], {**os.environ, **on_node(0), "PBS_JOBID": "4000.fake", "PBS_O_WORKDIR": os.getcwd()})
    print("4000.fake")
    return code


def bsub(arguments: list[str]) -> int:
    """Its standard input is the script."""
    assert not arguments
    (STATE / "script").write_text(sys.stdin.read())
    (STATE / "hosts").write_text("node0\nnode0\nnode1\nnode1\n")
    more = {"LSB_JOBID": "4000", "LSB_DJOB_HOSTFILE": str(STATE / "hosts"), "LS_SUBCWD": os.getcwd()}
    code = carry_out(str(STATE / "script"), {**os.environ, **on_node(0), **more})
    print("Job <4000> is submitted to default queue <normal>.")
    return code


def on_node(number: int) -> dict[str, str]:
    return {"SLURM_NODEID": str(number), "FAKE_NODE": f"{STATE}:{number}"}


def pbsdsh(arguments: list[str]) -> int:
    """The program gets next to nothing of the job's environment."""
    assert (arguments[0], arguments[2]) == ("-n", "--")
    return elsewhere(int(arguments[1]), arguments[3:])


def blaunch(arguments: list[str]) -> int:
    assert arguments[0] == "-z"
    return elsewhere(int(arguments[1].removeprefix("node")), arguments[2:])


def elsewhere(number: int, command: list[str]) -> int:
    known = {name: os.environ[name] for name in ("FAKE_SLURM", "HOME") if name in os.environ}
    return subprocess.run(command, env={**known, **on_node(number), "PATH": "/usr/bin:/bin"}, check=False).returncode


def end(node: str, pattern: str = "") -> None:
    """Kill what runs on a node, or on every node of this Slurm."""
    import psutil

    for process in psutil.process_iter():
        try:
            own = process.environ().get("FAKE_NODE", "").startswith(node)
            if own and process.pid != os.getpid() and re.search(pattern, " ".join(process.cmdline())):
                process.kill()
        except psutil.Error:
            continue


def srun(arguments: list[str]) -> int:
    """Start --ntasks copies, each a node; the highest exit code."""
    options: dict[str, str | None] = {}
    while arguments and (match := OPTION.match(arguments[0])):
        options[match[1]] = match[2]
        arguments = arguments[1:]
    first = 1 if "exclude" in options else 0
    numbers = range(first, first + int(options.get("ntasks") or 1))
    tasks = [subprocess.Popen(arguments, env={**os.environ, **on_node(number)}) for number in numbers]
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda number, frame: [task.send_signal(number) for task in tasks])
    return max(task.wait() % 256 for task in tasks)


def squeue(arguments: list[str]) -> int:
    print("RUNNING")
    return 0


def scontrol(arguments: list[str]) -> int:
    assert arguments[0] == "requeue"
    (STATE / "requeued").touch()
    return 0


def ray(arguments: list[str]) -> int:
    """Ray's command line on one of the nodes."""
    node = os.environ.get("FAKE_NODE", "")
    if arguments == ["stop"]:
        end(node, r"raylet|gcs_server|ray/_private|ray::|log_monitor|dashboard")
        return 0
    import psutil

    if os.environ.get("SLURM_NODEID", "0") != "0":
        psutil.net_if_addrs = dict  # the head's address is another machine's
    from ray._private import services
    from ray.scripts.scripts import main as cli

    def none_yet() -> set[str]:
        """Of this node, before it has started Ray."""
        return set()

    none_yet.cache_clear = lambda: None  # type: ignore[attr-defined]
    services.find_gcs_addresses = none_yet
    sys.argv = ["ray", *arguments]
    return int(cli() or 0)


PROGRAMS = {each.__name__: each for each in (sbatch, srun, squeue, scontrol, ray, qsub, pbsdsh, bsub, blaunch)}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
