"""`ray up`: a cluster of a cloud, or of machines reached by SSH, as Ray's own launcher starts it."""

from __future__ import annotations

import shlex
from typing import Any

from graph_distillery.bench.cluster.files import Launch, documents
from graph_distillery.bench.cluster.machine_settings import NodeType, RayUp
from graph_distillery.bench.cluster.request import LaunchRequest, Nodes
from graph_distillery.bench.cluster.shell import exports, joined, quoted, without_variables
from graph_distillery.bench.errors import UserError

_PORT = 6379
_HOME = "~/distillery"
_TOKEN = "~/.ray/auth_token"


def make(request: LaunchRequest, settings: RayUp) -> Launch:
    """The cluster YAML; its sweep is a second command, `ray exec`, since `ray up` only starts machines."""
    name = request.spec.name
    file = f"{name}.ray.yaml"
    sweep = _sweep(request, settings)
    run = ["ray", "exec", "--tmux", file, sweep]
    store = settings.store or f"{_HOME}/{name}"
    head = [
        "ray get-auth-token --generate > /dev/null    # once: the token that every node gets",
        f"ray up --yes {shlex.quote(file)}",
        shlex.join(run),
        f"ray attach {shlex.quote(file)} --tmux    # look on; the command above, given again, resumes",
        f"ray rsync-down {shlex.quote(file)} {shlex.quote(store + '/')} {shlex.quote(f'./{name}/')}",
        f"ray down --yes {shlex.quote(file)}",
    ]
    commands = [["ray", "get-auth-token", "--generate"], ["ray", "up", "--yes", file], run]
    notes = ("the store is on the head: fetch it with `ray rsync-down` before `ray down`",)
    return Launch({file: documents(_cluster(request, settings), head=head)}, commands, notes)


def _sweep(request: LaunchRequest, settings: RayUp) -> str:
    """A line for the head's shell, where ~ must stay bare."""
    words = ["--executor", "ray", "--address", "auto", *_placed(request, settings)]
    store = quoted(settings.store) if settings.store else f"{_HOME}/{shlex.quote(request.spec.name)}"
    values = {"RAY_AUTH_MODE": "token", **settings.environment()}
    before = " ".join(f"{key}={quoted(value)}" for key, value in values.items())
    return f"{before} distillery sweep {_HOME}/spec.yaml --out {store} {joined(words)}"


def _placed(request: LaunchRequest, settings: RayUp) -> list[str]:
    """Without the machines' sizes in the file, one trial a machine is a floor that `workers` raises."""
    sizes = [Nodes(group.most, group.cpus or 0, group.gpus, group.least) for group in settings.groups]
    if settings.groups and all(group.cpus is not None for group in settings.groups):
        return request.placed(sizes, settings)
    unsized = next((group for group in settings.groups if group.gpus), None)
    if unsized is not None:
        raise UserError(
            f"ray.groups: {unsized.name} has gpus: say the cpus of every group, so that none of them is idle"
        )
    machines = sum(group.most for group in settings.groups) or len(settings.provider.get("worker_ips") or ())
    return request.options(settings.workers or max(machines, 1), request.spec.resources.every(), settings)


def _cluster(request: LaunchRequest, settings: RayUp) -> dict[str, Any]:
    values = "".join(f"{line}; " for line in exports(settings.env))
    made: dict[str, Any] = {
        "cluster_name": request.spec.name,
        "provider": dict(settings.provider),
        "auth": _auth(settings),
        "idle_timeout_minutes": settings.idle_minutes,
        "file_mounts": {_TOKEN: _TOKEN, f"{_HOME}/spec.yaml": str(request.path)},
        "setup_commands": ["chmod 600 ~/.ray/auth_token", *settings.setup],
        "head_start_ray_commands": [
            "ray stop",
            f"ulimit -n 65536; {values}RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0 ray start --head --port={_PORT} "
            "--dashboard-host=127.0.0.1 --autoscaling-config=~/ray_bootstrap_config.yaml",
        ],
        "worker_start_ray_commands": [
            "ray stop",
            f"ulimit -n 65536; {values}RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0 "
            f"ray start --address=$RAY_HEAD_IP:{_PORT}",
        ],
    }
    if settings.image:
        made["docker"] = {"image": settings.image, "container_name": "distillery"}
    if settings.head is not None:
        made["max_workers"] = sum(group.most for group in settings.groups)
        made["head_node_type"] = settings.head.name
        made["available_node_types"] = {
            settings.head.name: _node_type(settings.head, head=True),
            **{group.name: _node_type(group) for group in settings.groups},
        }
    return made


def _auth(settings: RayUp) -> dict[str, str]:
    named = {"ssh_user": settings.ssh_user, "ssh_private_key": settings.ssh_private_key}
    return {key: without_variables(value, f"ray.{key}") for key, value in named.items() if value is not None}


def _node_type(kind: NodeType, head: bool = False) -> dict[str, Any]:
    """The head runs the driver and no trial."""
    resources = {"CPU": 0} if head else {"CPU": kind.cpus} if kind.cpus is not None else {}
    made: dict[str, Any] = {"node_config": dict(kind.node_config), "resources": resources}
    if not head:
        if kind.gpus:
            resources["GPU"] = kind.gpus
        made |= {"min_workers": kind.least, "max_workers": kind.most}
    return made
