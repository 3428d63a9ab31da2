"""What is written on the terminal: lines, tables, JSON. A reader who leaves early stops nothing."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

#: A table in a pipe or a file keeps each row on one line.
_UNBOUNDED = 100_000


def emit(text: str = "") -> None:
    """A line of the result, to standard output."""
    _write(sys.stdout, text)


def note(text: str) -> None:
    """A line about the work, to standard error."""
    _write(sys.stderr, text)


def emit_json(value: Any) -> None:
    """The result as JSON, for programs."""
    emit(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def finish() -> None:
    """Flush standard output here, where a closed pipe is expected, and not at the interpreter's exit."""
    try:
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        _silence(sys.stdout)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text + "\n")
        stream.flush()
    except UnicodeEncodeError:  # a terminal of few characters
        _write(stream, text.encode(stream.encoding or "ascii", "replace").decode(stream.encoding or "ascii"))
    except BrokenPipeError:
        _silence(stream)


def _silence(stream: TextIO) -> None:
    """Nobody reads this any more; the command goes on, and nothing complains at exit."""
    try:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, stream.fileno())
        os.close(sink)
    except (OSError, ValueError):
        pass


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> str:
    """A table for the terminal; in a pipe or file plain columns, a row on one line. `right` align right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    wide = not sys.stdout.isatty()
    made = Table(box=None if wide else box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", no_wrap=wide, overflow="fold")
    for row in rows:
        made.add_row(*row)
    width = _UNBOUNDED if wide else shutil.get_terminal_size().columns
    sheet = io.StringIO()
    Console(
        file=sheet, width=width, markup=False, emoji=False, highlight=False, color_system=None, legacy_windows=False
    ).print(made)
    return "\n".join(line.rstrip() for line in sheet.getvalue().strip("\n").splitlines())
