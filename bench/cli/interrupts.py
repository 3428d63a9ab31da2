"""Ctrl-C and SIGTERM end a command alike: its workers are stopped, its store is whole, its exit code is 130.

The first signal raises KeyboardInterrupt in the main thread. A watcher thread sees it even while the main thread sits
in native code or in something that swallows the exception: a second signal, or `PATIENCE_S` without an end, stops the
process at once. What is on the disk stays whole either way: records are synced one by one, and workers end with us.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

#: Seconds from the first signal to the end, at most; schedulers kill after 30 or more.
PATIENCE_S = 15.0
#: A terminal and a scheduler's wrapper may both deliver one and the same wish to stop.
SAME_WISH_S = 0.5
#: After this long the user is told what is going on.
TELL_AFTER_S = 2.0

_requested = threading.Event()
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def check() -> None:
    """Raise again what a destructor or a callback may have swallowed; called between two records."""
    if _requested.is_set():
        raise KeyboardInterrupt


def requested() -> bool:
    """Whether a signal came since the command began."""
    return _requested.is_set()


@contextmanager
def as_keyboard_interrupt(at_once: Callable[[], None], tell: Callable[[str], None]) -> Iterator[None]:
    """Both signals raise KeyboardInterrupt in the main thread; what was in force comes back afterwards.

    A signal that is ignored stays ignored, as for a command that a shell has put into the background.

    Args:
        at_once: called from the watcher thread when the graceful way takes too long; must end the process.
        tell: takes a line for the user while a stop takes its time.
    """
    _requested.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: signal.getsignal(number) for number in _SIGNALS}
    former_hook, sys.unraisablehook = sys.unraisablehook, _unraisable
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    former_fd = signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(ours, at_once, tell), name="signals", daemon=True)
    watcher.start()
    try:
        for number, handler in former.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, _raise)
        yield
    finally:
        for number, handler in former.items():
            if handler is not None:
                signal.signal(number, handler)
        signal.set_wakeup_fd(former_fd)
        sys.unraisablehook = former_hook
        os.close(theirs)
        watcher.join(1)


def _raise(number: int, frame: FrameType | None) -> None:
    if not _requested.is_set():  # the watcher sees to a second one
        _requested.set()
        raise KeyboardInterrupt


def _unraisable(ignored: sys.UnraisableHookArgs) -> None:
    """Our KeyboardInterrupt, swallowed by a destructor, comes again at the next `check`: no traceback of it."""
    if not (_requested.is_set() and isinstance(ignored.exc_value, KeyboardInterrupt)):
        sys.__unraisablehook__(ignored)


def _watch(pipe: int, at_once: Callable[[], None], tell: Callable[[str], None]) -> None:
    """Reads the numbers of signals that Python's C handler writes the moment they come."""
    first: float | None = None
    told = False
    try:
        while True:
            wait = None
            if first is not None:
                past = time.monotonic() - first
                if past >= PATIENCE_S:
                    at_once()
                if past >= TELL_AFTER_S and not told:
                    told = True
                    tell("stopping; a second signal stops at once")
                wait = PATIENCE_S - past if told else TELL_AFTER_S - past
            ready, _, _ = select.select([pipe], [], [], wait)
            if not ready:
                continue
            numbers = os.read(pipe, 64)
            if not numbers:
                return
            if not any(number in _SIGNALS and signal.getsignal(number) is _raise for number in numbers):
                continue
            if first is None:
                first = time.monotonic()
            elif time.monotonic() - first >= SAME_WISH_S:
                at_once()
    finally:
        os.close(pipe)
