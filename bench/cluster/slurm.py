"""Slurm: one allocation with a Ray cluster in it, or an array of independent single-node jobs.

The scheduler's SIGTERM goes to the batch script (`--signal=B:TERM@60`), which hands it to the driver; the driver stops
within 20 seconds with exit code 130, and the job puts itself back into the queue. The same command then resumes.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from graph_distillery.bench.cluster.files import Launch, absolute
from graph_distillery.bench.cluster.request import LaunchRequest, Nodes
from graph_distillery.bench.cluster.settings import Slurm

#: Ports of the head, clear of Ray's worker ports (10002-19999) and of ephemeral ones (32768 and up).
_PORT_BASE, _PORTS = 20_000, 10_000

_TOKEN = """\
# Ray takes orders only from those who hold this job's token; it travels in the environment, never on a command line.
RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \\n')
export RAY_AUTH_MODE RAY_AUTH_TOKEN
export RAY_USAGE_STATS_ENABLED=0
"""

_HEAD = """\
head_name=${SLURMD_NODENAME:-$(hostname)}
addresses() {
  getent ahostsv4 "$head_name" | awk '{ print $1 }'
  hostname -I | tr ' ' '\\n'
}
first() { awk '/^[0-9.]+$/ && !/^127\\./ { print; exit }'; }
head=${DISTILLERY_HEAD_IP:-$( (addresses 2> /dev/null || true) | first)}
if [ -z "$head" ]; then
  echo "distillery: $head_name has no address that other nodes can reach; set DISTILLERY_HEAD_IP" >&2
  exit 2
fi
port=$((PORT_BASE + SLURM_JOB_ID % PORTS))
""".replace("PORT_BASE", str(_PORT_BASE)).replace("PORTS", str(_PORTS))

_STOPPING = """\
stopped=0
driver=
work=
pid_file=$(mktemp)
# shellcheck disable=SC2317  # called by the trap
stop() {
  stopped=1
  pid=${driver:-$(cat "$pid_file")}
  pid=${pid:-$work} # the driver has not begun: stop what would start it
  if [ -n "$pid" ]; then kill -TERM "$pid" 2> /dev/null || true; fi
}
trap stop TERM INT
# A trapped signal cuts `wait` short: wait until the process is gone.
code=0
wait_for() {
  code=0
  wait "$1" || code=$?
  while kill -0 "$1" 2> /dev/null; do
    code=0
    wait "$1" || code=$?
  done
}
"""

_END = """\
# Interrupted by the scheduler, not cancelled: back into the queue, where the same command resumes.
if [ "$stopped" = 1 ] && [ "$code" -ge 128 ]; then
  state=$(squeue --noheader --job "$SLURM_JOB_ID" --format %T 2> /dev/null || true)
  if [ "$state" = RUNNING ]; then scontrol requeue "$SLURM_JOB_ID" || true; fi
fi
"""


def make(request: LaunchRequest, settings: Slurm) -> Launch:
    """The batch script."""
    body = {"symmetric": _symmetric, "head-workers": _head_workers, "array": _array}[settings.mode](request, settings)
    parts = [_directives(request, settings), "set -eo pipefail\n", _environment(settings), "set -u\n", _STOPPING, *body]
    if settings.requeue:
        parts.append(_END)
    script = "\n".join([*parts, 'exit "$code"\n'])
    name = f"{request.spec.name}.sbatch"
    notes: tuple[str, ...] = ()
    if settings.mode == "array":
        stores = f"{shlex.quote(_store(request, settings))}/*"
        notes = (f"the board takes all shards: distillery leaderboard {stores} --out BOARD",)
    return Launch({name: script}, [["sbatch", name]], notes)


def _directives(request: LaunchRequest, settings: Slurm) -> str:
    array = settings.mode == "array"
    gpus = settings.gpus_per_node
    exclusive = settings.mode == "symmetric" if settings.exclusive is None else settings.exclusive
    options: dict[str, object] = {
        "job-name": request.spec.name,
        "output": f"{request.spec.name}-{'%A_%a' if array else '%j'}.log",
        "open-mode": "append",
        "account": settings.account,
        "partition": settings.partition,
        "qos": settings.qos,
        "constraint": settings.constraint,
        "reservation": settings.reservation,
        "array": f"1-{settings.parts}" + (f"%{settings.at_once}" if settings.at_once else "") if array else None,
        "nodes": settings.nodes,
        "ntasks-per-node": 1,
        "cpus-per-task": settings.cpus_per_node,
        "gpus-per-node": (f"{settings.gpu_type}:{gpus}" if settings.gpu_type else gpus) if gpus else None,
        "mem": settings.memory,
        "time": settings.time,
        "signal": f"B:TERM@{settings.grace_s}",
    }
    lines = [f"#SBATCH --{name}={value}" for name, value in options.items() if value is not None]
    lines += ["#SBATCH --exclusive"] if exclusive else []
    lines += ["#SBATCH --requeue" if settings.requeue else "#SBATCH --no-requeue"]
    return "\n".join(["#!/bin/bash", *lines, ""])


def _environment(settings: Slurm) -> str:
    """Modules, the Python environment, the user's own lines, and the suite's variables."""
    lines = []
    if settings.modules:
        lines.append(f"module load {shlex.join(settings.modules)}")
    lines += settings.setup
    if settings.venv:
        lines += ["# shellcheck source=/dev/null", f"source {shlex.quote(settings.venv.rstrip('/') + '/bin/activate')}"]
    if settings.conda:
        lines += ['eval "$(conda shell.bash hook)"', f"conda activate {shlex.quote(settings.conda)}"]
    values = {**settings.environment(), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    lines += [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    return "\n".join([*lines, ""])


def _store(request: LaunchRequest, settings: Slurm) -> str:
    return absolute(Path(settings.store or request.spec.name), "store")


def _sweep(request: LaunchRequest, settings: Slurm) -> str:
    """The driver's command, but for the head's address."""
    slots = request.slots([Nodes(settings.nodes, settings.cpus_per_node, settings.gpus_per_node)], settings)
    words = request.sweep(
        request.path, _store(request, settings), "--executor", "ray", "--workers", str(slots), *request.device
    )
    return f'{shlex.join(words)} --address "$head:$port"'


def _start_options(settings: Slurm) -> str:
    """Of `ray start` on every node: what the node was given, no fixed ports, a dashboard on loopback at most."""
    return (
        f"--num-cpus={settings.cpus_per_node} --num-gpus={settings.gpus_per_node} --dashboard-host=127.0.0.1 "
        "--min-worker-port=0 --max-worker-port=0"
    )


def _symmetric(request: LaunchRequest, settings: Slurm) -> list[str]:
    run = f"""\
code_file=$(mktemp)
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300
# The same command on every node; the driver runs on this one, and leaves its process id and exit code.
# shellcheck disable=SC2016  # expanded by the inner shell
srun --export=ALL --nodes={settings.nodes} --ntasks={settings.nodes} --ntasks-per-node=1 \\
  ray symmetric-run --address "$head:$port" --min-nodes {settings.nodes} \\
  {_start_options(settings)} -- \\
  bash -c '"${{@:3}}" & echo "$!" > "$1"; wait "$!"; echo "$?" > "$2"' driver "$pid_file" "$code_file" \\
  {_sweep(request, settings)} &
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
rm -f "$pid_file" "$code_file"
"""
    return [_TOKEN, _HEAD, run]


def _head_workers(request: LaunchRequest, settings: Slurm) -> list[str]:
    options = _start_options(settings)
    start = f"""\
srun --export=ALL --overlap --nodes=1 --ntasks=1 --nodelist="$head_name" \\
  ray start --head --node-ip-address="$head" --port="$port" --block \\
  {options} &
nodes=("$!")
# shellcheck disable=SC2317  # called by the trap
cleanup() {{ kill "${{nodes[@]}}" 2> /dev/null || true; rm -f "$pid_file"; }}
trap cleanup EXIT
for ((second = 0; second < 300; second += 2)); do
  if ray health-check --address "$head:$port" > /dev/null 2>&1; then break; fi
  if [ "$stopped" = 1 ] || ! kill -0 "${{nodes[0]}}" 2> /dev/null; then break; fi
  sleep 2
done
"""
    workers = ""
    if settings.nodes > 1:
        others = settings.nodes - 1
        workers = f"""\
srun --export=ALL --overlap --nodes={others} --ntasks={others} --ntasks-per-node=1 --exclude="$head_name" \\
  ray start --address="$head:$port" --block \\
  {options} &
nodes+=("$!")
"""
    run = f"""\
if [ "$stopped" = 1 ]; then
  code=130
else
  {_sweep(request, settings)} &
  driver=$!
  wait_for "$driver"
fi
"""
    return [_TOKEN, _HEAD, start, *([workers] if workers else []), run]


def _array(request: LaunchRequest, settings: Slurm) -> list[str]:
    slots = request.slots([Nodes(1, settings.cpus_per_node, settings.gpus_per_node)], settings)
    store = shlex.quote(_store(request, settings))
    words = ["distillery", "sweep", request.path]
    more = ["--workers", str(slots), *request.device]
    run = f"""\
shard="$SLURM_ARRAY_TASK_ID"
{shlex.join(words)} --out {store}/"part-$shard-of-{settings.parts}" --cells "$shard/{settings.parts}" \\
  {shlex.join(more)} &
driver=$!
wait_for "$driver"
rm -f "$pid_file"
"""
    return [run]
