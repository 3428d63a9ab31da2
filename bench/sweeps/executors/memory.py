"""A limit on what a trial may allocate, so that one that runs wild ends as `oom` and not as its machine's end."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def limited(events: Iterator[T], memory: int | None) -> Generator[T]:
    """The same events; while one is made, this process may allocate `memory` bytes more than it held before.

    What is over the limit is refused (MemoryError, or torch's own error). Linux only; elsewhere without effect.
    """
    try:
        while True:
            with at_most(memory):
                event = next(events, None)
            if event is None:
                return
            yield event
    finally:
        close = getattr(events, "close", None)
        if close is not None:
            close()


@contextmanager
def at_most(memory: int | None) -> Iterator[None]:
    """Within it, this process may have `memory` bytes of data more than it has now."""
    held = _data_bytes()
    if memory is None or held is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = held + memory
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int | None:
    """What RLIMIT_DATA counts: the private writable memory of this process."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None
