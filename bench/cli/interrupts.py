"""Ctrl-C and SIGTERM end a command alike: its workers are stopped, its store is whole, its exit code is 130."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_requested = threading.Event()


def check() -> None:
    """Raise again what a destructor or a callback may have swallowed; called between two records."""
    if _requested.is_set():
        raise KeyboardInterrupt


def requested() -> bool:
    """Whether a signal came since the command began."""
    return _requested.is_set()


@contextmanager
def as_keyboard_interrupt() -> Iterator[None]:
    """Both signals raise KeyboardInterrupt in the main thread; what was in force comes back afterwards.

    A signal that is ignored stays ignored, as for a command that a shell has put into the background.
    """
    _requested.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number, handler in former.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, _raise)
        yield
    finally:
        for number, handler in former.items():
            if handler is not None:
                signal.signal(number, handler)


def _raise(number: int, frame: FrameType | None) -> None:
    _requested.set()
    raise KeyboardInterrupt
