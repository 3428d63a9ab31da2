"""What workers are forked from, itself forked from a driver that has loaded the suite and done nothing else yet.

In the driver's process group and of its own life as ever; only the seconds in which it would load torch are spared.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import traceback
from collections.abc import Sequence
from multiprocessing import util

#: Above every descriptor that the standard library passes on.
HIGH = 512


def fork_server_at_hand() -> None:
    """Have `multiprocessing` take the process that is forked here for its first fork server; another one, after the
    loss of the first, is started as elsewhere."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _become(theirs)
    theirs.close()
    start = util.spawnv_passfds

    def spawn(path: bytes, arguments: Sequence[str], descriptors: Sequence[int]) -> int:
        if "multiprocessing.forkserver" not in arguments[-1] or ours.fileno() < 0:
            return start(path, arguments, descriptors)
        order = json.dumps([arguments[-1], list(descriptors)])
        socket.send_fds(ours, [order.encode()], list(descriptors))
        ours.close()
        return pid

    util.spawnv_passfds = spawn


def _become(orders: socket.socket) -> None:
    """Wait for the program that a new interpreter would be given, and run it with the descriptors that it names."""
    try:
        text, received, _, _ = socket.recv_fds(orders, 2**16, 8)
        if text:
            program, named = json.loads(text)
            kept = [fcntl.fcntl(each, fcntl.F_DUPFD, HIGH) for each in received]
            os.closerange(3, HIGH)
            for each, number in zip(kept, named, strict=True):
                os.dup2(each, number)
                os.close(each)
            exec(program, {})  # noqa: S102 - the standard library's own line
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(0)
