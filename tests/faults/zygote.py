"""Loads the suite once and forks a driver per order, so that a test can afford many drivers.

An order is a JSON line {arguments, log, limits}; the answer is the driver's process id, and later a line
{"pid": ..., "code": ...}, the code negative where a signal ended it. Each driver leads a process group of its own,
its workers and what these are forked from (fork_server.py) are in it, and its own work is that of
`python -m graph_distillery.bench.cli`.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import traceback
from typing import Any

from fork_server import fork_server_at_hand


def drive(order: dict[str, Any]) -> None:
    """The life of a driver."""
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background has it ignored
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, place in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, place)
    for name, value in order.get("limits", {}).items():
        resource.setrlimit(getattr(resource, name), (value, value))
    fork_server_at_hand()
    code = 70
    try:
        from graph_distillery.bench.cli import main

        code = main(order["arguments"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve() -> None:
    """Until standard input ends."""
    import optuna  # noqa: F401
    import sklearn.datasets  # noqa: F401
    import torch

    import graph_distillery.bench.cli.commands.sweep
    import graph_distillery.bench.sweeps.sweep  # noqa: F401
    from graph_distillery.bench.environment import environment, git_sha
    from graph_distillery.bench.models.registry import MODELS
    from graph_distillery.methods import METHODS

    torch.set_num_threads(1)
    for name in METHODS.names:
        METHODS.load(name)
    for name in MODELS.names:
        MODELS.load(name)
    environment(), git_sha()
    print("ready", flush=True)
    living: set[int] = set()
    ended_ones, wakes = os.pipe()  # a byte for each driver that ends
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(wakes)
    while True:
        ready, _, _ = select.select([0, ended_ones], [], [])
        if ended_ones in ready:
            os.read(ended_ones, 4096)
        if 0 in ready:
            line = sys.stdin.readline()
            if not line:
                return
            pid = os.fork()
            if pid == 0:
                drive(json.loads(line))
            living.add(pid)
            print(pid, flush=True)
        for pid in list(living):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                living.discard(pid)
                print(json.dumps({"pid": pid, "code": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":  # a worker process imports this file too
    serve()
