"""Folders that a user names to write to: what is wrong with one is said before anything long is begun."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from graph_distillery.bench.errors import UserError


def is_folder(path: Path) -> bool:
    """Whether there is a folder; UserError where no file system can have such a name."""
    try:
        return path.is_dir()
    except OSError as error:
        raise UserError(_fault(path, error)) from None


def can_be_written(path: Path, said: str | None = None) -> Path:
    """The absolute path of a folder that is there, or can be made, and can be written to; nothing is made.

    said: how the user named it, `--data x` say; None says the path.

    Raises:
        UserError: a file is in its way, it may not be written to, or no file system can have such a name.
    """
    whole = path.expanduser().absolute()
    said = shortened(str(path)) if said is None else shortened(said)
    try:
        above = next(part for part in (whole, *whole.parents) if part.exists())
        if not above.is_dir():
            why = "is a file, not a folder" if above == whole else f"{above} is not a folder"
            raise UserError(f"{said}: {why}")
        for part in whole.relative_to(above).parts:  # below a folder that is not there yet, nobody else looks at one
            with suppress(FileNotFoundError):
                os.lstat(above / part)
    except OSError as error:
        raise UserError(_fault(Path(said), error)) from None
    if not os.access(above, os.W_OK | os.X_OK):
        read_only = os.statvfs(above).f_flag & os.ST_RDONLY
        reason = os.strerror(errno.EROFS if read_only else errno.EACCES)
        raise UserError(f"{said}: cannot be written: {'' if above == whole else f'{above}: '}{reason}")
    return whole


def shortened(name: str) -> str:
    """A path in one line that can be read."""
    return name if len(name) <= 120 else f"{name[:60]}...{name[-40:]} ({len(name)} characters)"


def _fault(path: Path, error: OSError) -> str:
    return f"{shortened(str(path))}: {(error.strerror or str(error)).lower()}"
