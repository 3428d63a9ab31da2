"""A Slurm of one machine: `sbatch`, `srun`, `squeue` and `scontrol` as scripts that run the job here and now.

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
    return {"sbatch": sbatch, "srun": srun, "squeue": squeue, "scontrol": scontrol, "ray": ray}[program](arguments)


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
        if "array" in directives:
            environment["SLURM_ARRAY_TASK_ID"] = str(task)
        while True:
            with (STATE / f"job-{task}.log").open("a") as log:
                job = subprocess.Popen(
                    ["bash", arguments[0]], env=environment, stdout=log, stderr=log, start_new_session=True
                )
                (STATE / "batch.pid").write_text(str(job.pid))
                code = max(code, job.wait())
            end(f"{STATE}:")
            if not (STATE / "requeued").exists():
                break
            (STATE / "requeued").rename(STATE / "requeued-once")
            code = 0
    print("Submitted batch job 4000")
    return code


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
    tasks = []
    for number in range(first, first + int(options.get("ntasks") or 1)):
        environment = {**os.environ, "SLURM_NODEID": str(number), "FAKE_NODE": f"{STATE}:{number}"}
        tasks.append(subprocess.Popen(arguments, env=environment))
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
