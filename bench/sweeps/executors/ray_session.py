"""Ray for as long as a sweep needs it: a cluster that is there, or a local one of the command's own.

The local one listens on the loopback interface alone, asks for a token that only its own processes know, has no
dashboard, and is gone with the command, also when the command is killed.
"""

from __future__ import annotations

import logging
import math
import os
import re
import secrets
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from types import MappingProxyType

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.executors.ray_capacity import alive, misfits, watched
from graph_distillery.bench.sweeps.spec import Needs

#: Bytes for datasets and teachers; what is beyond goes to the disk.
OBJECT_STORE = 2**30

_QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",  # the old output is silent when told to be, the new one prints errors all the same
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "1000000000",
    "TUNE_WARN_THRESHOLD_S": "1000000000",
}
_TUNE = {
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",  # nothing is ever restored from Tune's own state
    "TUNE_MAX_PENDING_TRIALS_PG": "1000",  # how many run at once is the driver's to say
    "TUNE_FORCE_TRIAL_CLEANUP_S": "10",
}
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
_AUTH, _TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"
#: Ray knows a loopback-only node on macOS and Windows alone; this is its own switch for it.
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


@contextmanager
def ray_session(
    address: str | None,
    slots: int,
    usual: Needs,
    needs: Mapping[str, Needs] = MappingProxyType({}),
    tell: Callable[[str], None] = lambda line: None,
) -> Iterator[None]:
    """Be connected to a cluster (`auto` or HOST:PORT), or to a local Ray with room for `slots` trials.

    needs: what trials take, by method; usual: what one takes in general. tell: takes a line about the cluster.

    Raises:
        UserError: no cluster answers there, or a trial needs more than this machine has.
    """
    if (
        address is not None
        and address != "auto"
        and not re.fullmatch(r"[^\s:/]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5}", address)
    ):
        raise UserError(f"--address: {address!r} is neither 'auto' nor HOST:PORT of a Ray cluster's head")
    settings = {**_QUIET, **_TUNE, **(_own() if address is None else {})}
    former = {name: os.environ.get(name) for name in (*settings, _AUTH)}
    os.environ.update(settings)
    try:
        import ray

        for name in ("ray", "ray.tune", "ray.train", "ray._private"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with _signals_kept():
            if address is None:
                os.environ.pop(_AUTH, None)  # unset, Ray turns to token authentication, here and in its processes
                _start(slots, usual, needs)
            else:
                _connect(address)
        try:
            with nullcontext() if address is None else watched(needs, tell):
                yield
        finally:
            ray.shutdown()
    finally:
        for name, value in former.items():
            if value is not None:
                os.environ[name] = value
            elif name != _TOKEN:  # one process, one token: Ray keeps the first that it saw
                os.environ.pop(name, None)


def _own() -> dict[str, str]:
    """For a local Ray. The user's own token where there is one, else a fresh one, never on disk."""
    settings = {**_ONE_THREAD, **_LOOPBACK}
    if _TOKEN not in os.environ and "RAY_AUTH_TOKEN_PATH" not in os.environ:
        settings[_TOKEN] = secrets.token_hex(32)
    return settings


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes SIGTERM for itself; how a command ends is the command's to say."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _start(slots: int, usual: Needs, needs: Mapping[str, Needs]) -> None:
    import ray

    cpus = math.ceil(max([slots * usual.cpus, *(each.cpus for each in needs.values())]))
    try:
        ray.init(
            "local",  # else Ray joins whatever cluster was started on this machine
            num_cpus=cpus,
            include_dashboard=False,
            object_store_memory=OBJECT_STORE,
            configure_logging=False,
            logging_level=logging.CRITICAL,
            log_to_driver=False,
            _node_ip_address="127.0.0.1",
        )
    except (ConnectionError, ray.exceptions.RayError, RuntimeError, ValueError, OSError) as error:
        raise UserError(f"--executor ray: a local Ray did not start: {_line(error)}") from None
    if lines := misfits(needs, alive(), "this machine"):
        ray.shutdown()
        raise UserError(lines[0])


def _connect(address: str) -> None:
    import ray

    try:
        ray.init(address, configure_logging=False, logging_level=logging.CRITICAL, log_to_driver=False)
    except (ConnectionError, ray.exceptions.RayError, RuntimeError, ValueError) as error:
        raise UserError(f"--address {address}: no Ray cluster can be reached: {_line(error)}") from None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
