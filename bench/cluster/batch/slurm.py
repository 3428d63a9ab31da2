"""Slurm: one allocation with a Ray cluster in it, or an array of independent single-node jobs.

The scheduler's SIGTERM goes to the batch script (`--signal=B:TERM@60`), which hands it to the driver; the driver stops
within 20 seconds with exit code 130, and the job puts itself back into the queue. The same command then resumes.
"""

from __future__ import annotations

from graph_distillery.bench.cluster.batch.script import (
    TOKEN,
    WAIT_FOR,
    Job,
    container_of,
    directives,
    environment,
    gpu_check,
    head,
    start_options,
)
from graph_distillery.bench.cluster.batch.settings import Slurm
from graph_distillery.bench.cluster.files import Launch
from graph_distillery.bench.cluster.request import LaunchRequest
from graph_distillery.bench.cluster.shell import quoted

_STOPPING = (
    """\
stopped=0
driver=
work=
scratch=$(mktemp -d)
pid_file=$scratch/pid
: > "$pid_file"
# shellcheck disable=SC2317  # called by the trap
stop() {
  stopped=1
  pid=${driver:-$(cat "$pid_file")}
  pid=${pid:-$work} # the driver has not begun: stop what would start it
  if [ -n "$pid" ]; then kill -TERM "$pid" 2> /dev/null || true; fi
}
trap stop TERM INT
"""
    + WAIT_FOR
)

#: The node that runs the batch script.
_NODE = "${SLURMD_NODENAME:-$(hostname)}"

_END = """\
# Interrupted by the scheduler, not cancelled: back into the queue, where the same command resumes.
if [ "$stopped" = 1 ] && [ "$code" -ge 128 ]; then
  state=$(squeue --noheader --job "$SLURM_JOB_ID" --format %T 2> /dev/null || true)
  if [ "$state" = RUNNING ]; then scontrol requeue "$SLURM_JOB_ID" || true; fi
fi
"""


def make(request: LaunchRequest, settings: Slurm) -> Launch:
    """The batch script."""
    job = Job(request, settings)
    body = {"symmetric": _symmetric, "head-workers": _head_workers, "array": _array}[settings.mode](job, settings)
    first = [environment(settings), "set -u\n", job.made_first() + gpu_check(settings), _stopping(settings)]
    parts = [directives("#SBATCH", _options(job, settings)), "set -eo pipefail\n", *first, *body]
    if settings.requeue:
        parts.append(_END)
    name = f"{job.name}.sbatch"
    return Launch({name: "\n".join([*parts, 'exit "$code"\n'])}, [["sbatch", name]], job.stores_note())


def _stopping(settings: Slurm) -> str:
    """A container needs a folder that every node mounts."""
    if settings.container is None:
        return _STOPPING
    return _STOPPING.replace("$(mktemp -d)", '$(mktemp -d "$PWD/.distillery-XXXXXX")')


def _options(job: Job, settings: Slurm) -> list[str]:
    array, gpus, mail = settings.mode == "array", settings.gpus_per_node, settings.mail
    exclusive = settings.mode == "symmetric" if settings.exclusive is None else settings.exclusive
    options: dict[str, object] = {
        "job-name": job.name,
        "output": settings.output or f"{job.name}-{'%A_%a' if array else '%j'}.log",
        "open-mode": "append",
        "account": settings.account,
        "partition": settings.partition,
        "qos": settings.qos,
        "constraint": settings.constraint,
        "reservation": settings.reservation,
        "licenses": ",".join(f"{name}:{count}" for name, count in settings.licenses.items()) or None,
        "mail-user": mail.to if mail else None,
        "mail-type": ",".join(mail.when).upper() if mail else None,
        "array": f"1-{settings.parts}" + (f"%{settings.at_once}" if settings.at_once else "") if array else None,
        "nodes": settings.nodes,
        "ntasks-per-node": 1,
        "cpus-per-task": settings.cpus_per_node,
        "gpus-per-node": (f"{settings.gpu_type}:{gpus}" if settings.gpu_type else gpus) if gpus else None,
        "mem": settings.memory,
        "mem-per-cpu": settings.memory_per_cpu,
        "time": settings.time,
        "signal": f"B:TERM@{settings.grace_s}",
    }
    lines = [f"--{name}={value}" for name, value in options.items() if value is not None]
    lines += ["--exclusive"] if exclusive else []
    return [*lines, "--requeue" if settings.requeue else "--no-requeue", *settings.sbatch]


def _srun(job: Job, options: str) -> str:
    """srun with what a step of the job needs, in its container if there is one; a command follows."""
    pyxis = container_of(job.settings, "pyxis")
    words = ["srun --export=ALL", options]
    if pyxis is not None:
        # Where a target is not named it is the source's own place.
        mounts = ",".join(_both(mount) for mount in job.mounts())
        named = ",".join((*job.settings.environment(), "OMP_NUM_THREADS", "MKL_NUM_THREADS"))
        words += [f"--container-image={quoted(pyxis.image)}", f"--container-mounts={mounts}"]
        words += [f"--container-env={named}", *(quoted(option) for option in pyxis.options)]
    return " ".join(words) + " \\\n  " + job.inside()


def _both(mount: str) -> str:
    return quoted(mount) if ":" in mount else f"{quoted(mount)}:{quoted(mount)}"


def _here(job: Job) -> str:
    """What stands before a command that runs on the batch script's own node."""
    if container_of(job.settings, "pyxis") is None:
        return job.inside()
    return _srun(job, '--overlap --nodes=1 --ntasks=1 --nodelist="' + _NODE + '"')


def _symmetric(job: Job, settings: Slurm) -> list[str]:
    step = _srun(job, f"--nodes={settings.nodes} --ntasks={settings.nodes} --ntasks-per-node=1")
    run = f"""\
code_file=$scratch/code
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300
# The same command on every node; the driver runs on this one, and leaves its process id and exit code.
# shellcheck disable=SC2016  # expanded by the inner shell
{step}ray symmetric-run --address "$head:$port" --min-nodes {settings.nodes} \\
  {start_options(settings)} -- \\
  bash -c '"${{@:3}}" & echo "$!" > "$1"; wait "$!"; echo "$?" > "$2"' driver "$pid_file" "$code_file" \\
  {job.sweep()} &
work=$!
alive() {{ pid=$(cat "$pid_file"); [ -n "$pid" ] && kill -0 "$pid"; }}
# A step that was signalled may go before the driver that it started.
while [ ! -s "$code_file" ] && {{ kill -0 "$work" || alive; }} 2> /dev/null; do sleep 1; done
if [ -s "$code_file" ]; then
  code=$(cat "$code_file")
  # Workers notice only after a minute that their head is gone; nobody waits for them.
  for ((second = 0; second < 10; second++)); do
    if kill -0 "$work" 2> /dev/null; then sleep 1; fi
  done
  kill -TERM "$work" 2> /dev/null || true
else
  wait_for "$work"
  if [ "$code" = 0 ]; then code=1; fi # no cluster, no sweep
fi
rm -rf "$scratch"
"""
    return [TOKEN, head(_NODE, "SLURM_JOB_ID"), run]


def _head_workers(job: Job, settings: Slurm) -> list[str]:
    options = start_options(settings)
    first = _srun(job, '--overlap --nodes=1 --ntasks=1 --nodelist="$head_name"')
    start = f"""\
{first}ray start --head --node-ip-address="$head" --port="$port" --block \\
  {options} &
nodes=("$!")
# shellcheck disable=SC2317  # called by the trap
cleanup() {{ kill "${{nodes[@]}}" 2> /dev/null || true; rm -rf "$scratch"; }}
trap cleanup EXIT
for ((second = 0; second < 300; second += 2)); do
  if {_here(job)}ray health-check --address "$head:$port" > /dev/null 2>&1; then break; fi
  if [ "$stopped" = 1 ] || ! kill -0 "${{nodes[0]}}" 2> /dev/null; then break; fi
  sleep 2
done
"""
    workers = ""
    if settings.nodes > 1:
        others = settings.nodes - 1
        rest = _srun(job, f'--overlap --nodes={others} --ntasks={others} --ntasks-per-node=1 --exclude="$head_name"')
        workers = f"""\
{rest}ray start --address="$head:$port" --block \\
  {options} &
nodes+=("$!")
"""
    run = f"""\
if [ "$stopped" = 1 ]; then
  code=130
else
  {_here(job)}{job.sweep()} &
  driver=$!
  wait_for "$driver"
fi
"""
    return [TOKEN, head(_NODE, "SLURM_JOB_ID"), start, *([workers] if workers else []), run]


def _array(job: Job, settings: Slurm) -> list[str]:
    run = f"""\
shard="$SLURM_ARRAY_TASK_ID"
{_here(job)}{job.shard("shard")} &
driver=$!
wait_for "$driver"
rm -rf "$scratch"
"""
    return [run]
