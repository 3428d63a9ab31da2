"""The line for an end that no exception comes before: Ray ends the process that is connected to it where its node or
head is lost, at once, with exit code 1 and without a word. A child says it then, as it does after a SIGKILL.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: Waits for a byte, and speaks where the pipe ends without one.
_CHILD = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if not os.read(0, 1):
    os.write(2, (sys.argv[1] + "\\n").encode())
"""


class _Words:
    """Of the command that this process runs."""

    line = ""
    child: subprocess.Popen[bytes] | None = None


@contextmanager
def prepared(line: str) -> Iterator[None]:
    """A command for which `line` is to be said; whoever needs it does so by `entrusted`."""
    _Words.line = line
    try:
        yield
    finally:
        take_back()


@contextmanager
def entrusted(needed: bool = True) -> Iterator[None]:
    """Meanwhile a child says the line should this process end without coming back from here."""
    if needed and _Words.child is None:
        command = [sys.executable, "-I", "-S", "-c", _CHILD, _Words.line]
        _Words.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        take_back()


def take_back() -> None:
    """The line need not be said: the process says itself how it ends."""
    child, _Words.child = _Words.child, None
    if child is not None:
        with suppress(OSError):
            child.communicate(b".")
