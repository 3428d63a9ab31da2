"""The one place where exceptions become lines on standard error and exit codes.

0 done; 1 some trial failed, the disk refused a record, or Ray is gone; 2 the user's input is wrong; 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer

from graph_distillery.bench.cli import interrupts, lost_cluster, terminal
from graph_distillery.bench.cli.app import RESUMABLE, app
from graph_distillery.bench.errors import LostError, UserError
from graph_distillery.bench.paths import shortened
from graph_distillery.bench.records import RecordError
from graph_distillery.methods.registry import BrokenEntryWarning, DuplicateNameError, UnknownNameError
from graph_distillery.near_names import unknown_line
from graph_distillery.search_spaces import SpaceError

OK, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130

_USER_ERRORS = (UserError, UnknownNameError, DuplicateNameError, SpaceError)
#: The base of typer's own usage errors, which no version of typer exports.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
#: What a path that the user gave may be wrong with.
_PATH = {errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR}
_STORAGE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (default: this process's) and return its exit code.

    An exception that nobody expected keeps its traceback.
    """
    argv = list(sys.argv[1:] if arguments is None else arguments)
    said = f"distillery: interrupted{_resume_line(argv)}"
    lost = f"distillery: killed, or ended by Ray, whose node or head is gone{_resume_line(argv)}"

    def at_once() -> None:
        lost_cluster.take_back()
        if sys.stderr.isatty():
            terminal.note("\x1b[?25h")  # a live table had hidden the cursor
        terminal.note(said)
        os._exit(INTERRUPTED)

    with interrupts.as_keyboard_interrupt(at_once, terminal.note), lost_cluster.prepared(lost), _quiet():
        try:
            code = app(argv, prog_name="distillery", standalone_mode=False)
            code = code if isinstance(code, int) else OK
        except KeyboardInterrupt:
            code = INTERRUPTED
        except Exception as error:
            if not interrupts.requested():
                line, code = _explain(error)
                if line is None:
                    raise
                terminal.note(f"distillery: {line}" + (_resume_line(argv) if isinstance(error, LostError) else ""))
            else:  # what an interrupted library made of the signal
                code = INTERRUPTED
        if code == INTERRUPTED:
            terminal.note(said)
        terminal.finish()
        return code


def _explain(error: Exception) -> tuple[str | None, int]:
    """One line and the exit code; no line for what nobody expected."""
    if isinstance(error, _USER_ERRORS) or _is_board_error(error):
        return _one_line(str(error)), WRONG_INPUT
    if isinstance(error, RecordError | LostError):
        return _one_line(str(error)), FAILED
    if isinstance(error, _UsageError):
        return _usage_line(error), WRONG_INPUT
    if isinstance(error, OSError) and error.errno in _PATH:
        return f"{shortened(str(error.filename or 'a path'))}: {(error.strerror or str(error)).lower()}", WRONG_INPUT
    if isinstance(error, OSError) and error.errno in _STORAGE:
        return f"{error.filename or 'storage'}: {error.strerror}", FAILED
    return None, FAILED


def _is_board_error(error: Exception) -> bool:
    """Without loading the leaderboard for every command."""
    module = sys.modules.get("graph_distillery.leaderboard.errors")
    return module is not None and isinstance(error, module.BoardError)


def _one_line(message: str) -> str:
    return " ".join(message.split())


def _usage_line(error: Exception) -> str:
    """typer's message, with the nearest option or command."""
    context = getattr(error, "ctx", None)
    command = getattr(context, "command", None)
    message = _one_line(error.format_message() if hasattr(error, "format_message") else str(error))
    message = message[:1].lower() + message[1:]
    if (option := getattr(error, "option_name", None)) and type(error).__name__ == "NoSuchOption":
        options = [name for parameter in command.params for name in parameter.opts] if command else []
        message = unknown_line("option", option, [name for name in options if name.startswith("--")])
    elif message.startswith("no such command") and command is not None:
        wanted = message.split("'")[1] if "'" in message else ""
        message = unknown_line("command", wanted, list(command.commands))
    place = str(getattr(context, "command_path", "distillery")).removeprefix("distillery").strip()
    return f"{place}: {message}" if place else message


def _resume_line(argv: Sequence[str]) -> str:
    command = next((argument for argument in argv if not argument.startswith("-")), "")
    if command not in RESUMABLE:
        return ""
    return f"; what was finished is kept, go on with: distillery {shlex.join(argv)}"


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    terminal.note(f"distillery: warning: {_one_line(str(message))}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Libraries' warnings are for their developers; -W and PYTHONWARNINGS bring them back, here and in workers.

    What a registry left out is told in one line each.
    """
    if sys.warnoptions:
        yield
        return
    former = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = "ignore"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", BrokenEntryWarning)
            warnings.showwarning = lambda message, *_, **__: terminal.note(
                f"distillery: warning: {_one_line(str(message))}"
            )
            yield
    finally:
        if former is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = former
