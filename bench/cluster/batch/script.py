"""What batch scripts of every system have in common."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from graph_distillery.bench.cluster.batch.settings import Batch, Container
from graph_distillery.bench.cluster.files import printable
from graph_distillery.bench.cluster.request import LaunchRequest, Nodes
from graph_distillery.bench.cluster.shell import UNSET, Literal, exports, joined, place, quoted
from graph_distillery.bench.errors import UserError

#: Ports of the head, clear of Ray's worker ports (10002-19999) and of ephemeral ones (32768 and up).
_PORT_BASE, _PORTS = 20_000, 10_000

TOKEN = """\
# Ray takes orders only from those who hold this job's token; it travels in the environment, never on a command line.
RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \\n')
export RAY_AUTH_MODE RAY_AUTH_TOKEN
export RAY_USAGE_STATS_ENABLED=0
"""

_HEAD = """\
head_name=HEAD_NAME
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
port=$((PORT_BASE + JOB_NUMBER % PORTS))
""".replace("PORT_BASE", str(_PORT_BASE)).replace("PORTS", str(_PORTS))

WAIT_FOR = """\
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

#: Counted by the scheduler, by the devices that it left visible, or by the driver.
_GPUS = """\
gpus=${SLURM_GPUS_ON_NODE:-}
visible=${CUDA_VISIBLE_DEVICES:-}
if [ -z "$gpus" ] && [ -n "$visible" ]; then gpus=$(tr ',' '\\n' <<< "$visible" | grep -c .); fi
"""
_GPUS_WANTED = """\
if [ -z "$gpus" ] && command -v nvidia-smi > /dev/null; then gpus=$(nvidia-smi -L | grep -c '^GPU ' || true); fi
if [ -n "$gpus" ] && [ "$gpus" != WANTED ]; then
  echo "distillery: the job was made for WANTED GPUs a node and has $gpus here; set gpus_per_node: $gpus" >&2
  exit 2
fi
"""
_GPUS_UNWANTED = """\
if [ "${gpus:-0}" != 0 ]; then
  echo "distillery: warning: $gpus GPUs are reserved here, and nothing uses them; set gpus_per_node: $gpus" >&2
fi
"""


def head(name: str, number: str) -> str:
    """Finds the address and the port of Ray's head. name, number: of the node and the job, as the shell has them."""
    return _HEAD.replace("HEAD_NAME", name).replace("JOB_NUMBER", number)


def gpu_check(settings: Batch) -> str:
    """Ends the job where its nodes have another number of GPUs than it was made for: some would stay idle."""
    wanted = settings.gpus_per_node
    return _GPUS + (_GPUS_WANTED.replace("WANTED", str(wanted)) if wanted else _GPUS_UNWANTED)


def environment(settings: Batch) -> str:
    """Modules, the user's own lines, the Python environment, and variables."""
    lines = [f"module load {shlex.join(settings.modules)}"] if settings.modules else []
    lines += settings.setup
    if settings.venv:
        activate = settings.venv.rstrip("/") + "/bin/activate"
        lines += ["# shellcheck source=/dev/null", f"source {quoted(activate)}"]
    if settings.conda:
        lines += ['eval "$(conda shell.bash hook)"', f"conda activate {quoted(settings.conda)}"]
    lines += exports({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", **settings.environment()})
    return "\n".join([*lines, ""])


def start_options(settings: Batch) -> str:
    """Of `ray start` on every node: what the node was given, no fixed ports, a dashboard on loopback at most."""
    return (
        f"--num-cpus={settings.cpus_per_node} --num-gpus={settings.gpus_per_node} --dashboard-host=127.0.0.1 "
        "--min-worker-port=0 --max-worker-port=0"
    )


@dataclass(frozen=True)
class Job:
    """A sweep as a batch job. store, name: of the spec unless the settings say otherwise."""

    request: LaunchRequest
    settings: Batch

    @property
    def name(self) -> str:
        return self.request.spec.name

    @property
    def store(self) -> str:
        return place(self.settings.store or self.name, "store")

    def sweep(self) -> str:
        """The driver's command on a cluster of Ray whose head is at $head:$port."""
        here = self.settings
        more = self.request.placed([Nodes(here.nodes, here.cpus_per_node, here.gpus_per_node)], here)
        words = self.request.sweep(self.request.path, self.store, "--executor", "ray", *more)
        return f'{joined(words)} --address "$head:$port"'

    def shard(self, index: str) -> str:
        """The command of an array's job, its number in the variable `index`."""
        here = self.settings
        more = self.request.placed([Nodes(1, here.cpus_per_node, here.gpus_per_node)], here)
        words = ["distillery", "sweep", self.request.path]
        return (
            f'{joined(words)} --out {quoted(self.store)}/"part-${index}-of-{here.parts}" '
            f'--cells "${index}/{here.parts}" {joined(more)}'
        )

    def stores_note(self) -> tuple[str, ...]:
        """How an array's stores are read."""
        if self.settings.parts is None:
            return ()
        store = quoted(self.store).replace(UNSET, "}")
        return (
            f"the shards are stores of one plan: distillery status {store}; "
            f"distillery leaderboard {store}/* --out BOARD",
        )

    def mounts(self) -> list[str]:
        """What a container must see, sources alone: the spec's folder, the store, data and mirror, the user's own."""
        found: list[str] = [Literal(self.request.path.rpartition("/")[0] or "/"), self.store]
        found += [path for path in (self.settings.data, self.settings.mirror) if path]
        for path in found:
            if any(sign in path for sign in ":,"):
                raise UserError(f"container: {path} holds ':' or ',', which no mount can carry")
        return [*found, "$scratch", *(self.settings.container.mounts if self.settings.container else ())]

    def made_first(self) -> str:
        """Folders that a container mounts must be there."""
        if self.settings.container is None:
            return ""
        own = [self.store, *([self.settings.data] if self.settings.data else [])]
        return f"mkdir -p -- {joined(own)}\n"

    def inside(self) -> str:
        """What stands before a command so that it runs in the container; "" without one, and with pyxis."""
        container = self.settings.container
        if container is None or container.runtime == "pyxis":
            return ""
        gpus = ["--nv"] if self.settings.gpus_per_node else []
        binds = [word for mount in self.mounts() for word in ("--bind", mount)]
        words = [container.runtime, "exec", *gpus, *binds, *container.options, container.image]
        return joined(words) + " "


def container_of(settings: Batch, runtime: str) -> Container | None:
    """The container, if it is of this runtime."""
    made = settings.container
    return made if made is not None and made.runtime == runtime else None


def directives(prefix: str, options: Sequence[str]) -> str:
    """The script's first lines."""
    return "\n".join(["#!/bin/bash", *(printable(f"{prefix} {option}", "directive") for option in options), ""])
