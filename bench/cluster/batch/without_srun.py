"""PBS and LSF, what their scripts share: a head and workers of Ray by the system's own remote shell, or an array.

Both systems signal every process of a job when they end it, the driver too, so the script hands no TERM on. Before
the limit a timer of the script's own signals the script alone (USR1), which stops the driver and goes on elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from graph_distillery.bench.cluster.batch.script import (
    TOKEN,
    WAIT_FOR,
    Job,
    environment,
    gpu_check,
    head,
    start_options,
)
from graph_distillery.bench.cluster.batch.settings import WithoutSrun
from graph_distillery.bench.cluster.fields import seconds
from graph_distillery.bench.errors import UserError


@dataclass(frozen=True)
class System:
    """What a batch system calls things, as its jobs' shell has them.

    number: of the job; index: of a job of an array; folder: where it was submitted; others: lines that set the array
    `others` to what start() of them needs; start: a command that starts one on node "$other"; again: lines that go on
    after the time limit, "" where nothing does by itself.
    """

    number: str
    index: str
    folder: str
    others: str
    start: str
    again: str


_STOPPING = (
    """\
stopped=0
late=0
driver=
scratch=$(mktemp -d "FOLDER/.distillery-XXXXXX")
# shellcheck disable=SC2317  # called by the trap
too_late() {
  stopped=1
  late=1
  if [ -n "$driver" ]; then kill -TERM "$driver" 2> /dev/null || true; fi
}
trap too_late USR1
trap 'stopped=1' TERM INT # the driver has its own
# The scheduler says nothing before the limit.
(
  trap 'kill "$nap" 2> /dev/null' TERM
  sleep SECONDS &
  nap=$!
  if wait "$nap"; then kill -USR1 "$$" 2> /dev/null || true; fi
) &
timer=$!
"""
    + WAIT_FOR
)


_ENDED = """\
if [ "$late" = 1 ] && [ "$code" != 0 ]; then echo "distillery: the time was up; submit again to go on" >&2; fi
"""


def body(job: Job, settings: WithoutSrun, system: System) -> str:
    """The script without its directives."""
    left = seconds(settings.time) - settings.grace_s
    if left < settings.grace_s:
        raise UserError(f"time: {settings.time} leaves no time to work before the last {settings.grace_s} s (grace_s)")
    stopping = _STOPPING.replace("FOLDER", system.folder).replace("SECONDS", str(left))
    parts = ["set -eo pipefail\n", f'cd "{system.folder}"\n', environment(settings), "set -u\n"]
    parts += [job.made_first() + gpu_check(settings), stopping]
    parts += [_array(job, system)] if settings.mode == "array" else _cluster(job, settings, system)
    parts.append(system.again if settings.requeue and system.again else _ENDED)
    return "\n".join([*parts, 'exit "$code"\n'])


def _array(job: Job, system: System) -> str:
    return f"""\
# shellcheck disable=SC2317  # called by the trap
cleanup() {{ kill "$timer" 2> /dev/null || true; rm -rf "$scratch"; }}
trap cleanup EXIT
shard="{system.index}"
if [ "$stopped" = 1 ]; then
  code=130
else
  {job.inside()}{job.shard("shard")} &
  driver=$!
  wait_for "$driver"
fi
"""


def _cluster(job: Job, settings: WithoutSrun, system: System) -> list[str]:
    options, inside = start_options(settings), job.inside()
    start = f"""\
{inside}ray start --head --node-ip-address="$head" --port="$port" --block \\
  {options} &
nodes=("$!")
# shellcheck disable=SC2317  # called by the trap
cleanup() {{ kill "$timer" "${{nodes[@]}}" 2> /dev/null || true; rm -rf "$scratch"; }}
trap cleanup EXIT
for ((second = 0; second < 300; second += 2)); do
  if {inside}ray health-check --address "$head:$port" > /dev/null 2>&1; then break; fi
  if [ "$stopped" = 1 ] || ! kill -0 "${{nodes[0]}}" 2> /dev/null; then break; fi
  sleep 2
done
"""
    workers = f"""\
# Other nodes get the environment, and the token in it, from a file that nobody else may read.
export -p > "$scratch/environment"
cat > "$scratch/node" << 'END'
. "${{0%/*}}/environment"
{inside}ray start --address="$1" --block \\
  {options}
END
{system.others}
for other in "${{others[@]}}"; do
  {system.start} /bin/bash "$scratch/node" "$head:$port" &
  nodes+=("$!")
done
"""
    run = f"""\
if [ "$stopped" = 1 ]; then
  code=130
else
  {inside}{job.sweep()} &
  driver=$!
  wait_for "$driver"
fi
"""
    return [TOKEN, head("$(hostname)", system.number), start, *([workers] if settings.nodes > 1 else []), run]
