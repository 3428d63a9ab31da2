"""The cache's folder: a file for each teacher or artefact, named by a hash of everything that makes it.

A file is one line with the SHA-256 of all that follows it, one line of JSON, and the tensors as safetensors has them.
It is written whole or not at all, and read whole: one that is torn or altered is told from one that is not.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from graph_distillery.bench.data.loading import data_root
from graph_distillery.bench.errors import UserError

#: GiB that the cache may hold, 0 for none: nothing is then read from it or written to it.
SIZE_VARIABLE = "DISTILLERY_CACHE_GIB"
USUAL_GIB = 10.0
_SUFFIX, _DRAFT, _LOCKS = ".cached", ".draft-", ".locks"
_KEY = re.compile(r"[0-9a-f]{64}")
#: Seconds after which a draft is that of a writer that was killed, and a lock's file nobody's.
_STALE_S = 3600.0


class DamagedError(ValueError):
    """A file of the cache is not what was written; one line that says which."""


@dataclass(frozen=True)
class Entry:
    """One file. facts: what its line of JSON holds, None where it cannot be read; used: when last, in epoch seconds."""

    key: str
    bytes: int
    used: float
    facts: Mapping[str, Any] | None


def key_of(basis: Mapping[str, Any]) -> str:
    """64 hex digits: the SHA-256 of the canonical JSON of what makes an entry."""
    return hashlib.sha256(_canonical(basis).encode()).hexdigest()


def limit_bytes() -> int:
    """What DISTILLERY_CACHE_GIB allows, `USUAL_GIB` where it is not set.

    Raises:
        UserError: it is no number of GiB.
    """
    given = os.environ.get(SIZE_VARIABLE)
    if not given:
        return round(USUAL_GIB * 2**30)
    try:
        size = float(given)
    except ValueError:
        size = math.nan
    if not (math.isfinite(size) and size >= 0):
        usual = f"0 for no cache, {USUAL_GIB:g} where it is not set"
        raise UserError(f"{SIZE_VARIABLE}={given} is no number of GiB: {usual}")
    return round(size * 2**30)


class CacheFolder:
    """The entries under a data folder, `limit` bytes of them at most: the least recently used ones go first."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit

    @classmethod
    def of(cls, data_dir: Path | None) -> CacheFolder:
        """That of `--data`, of `DISTILLERY_DATA`, or of the user; raises UserError as `limit_bytes`."""
        return cls(data_root(data_dir) / "artefacts", limit_bytes())

    def _place(self, key: str) -> Path:
        return self.folder / f"{key}{_SUFFIX}"

    def lock(self, key: str) -> FileLock:
        """Held by the process that makes an entry; a process that dies holds none."""
        (self.folder / _LOCKS).mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / _LOCKS / f"{key}.lock")

    def read(self, basis: Mapping[str, Any]) -> tuple[dict[str, Any], bytes] | None:
        """Facts and tensors of what `basis` makes, from now on the most recently used; None where there is none.

        Raises:
            DamagedError: its file is not what was written, or is of something else.
        """
        place = self._place(key_of(basis))
        try:
            content = place.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise DamagedError(f"{place}: cannot be read: {error.strerror or error}") from None
        check, _, body = content.partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != check:
            raise DamagedError(f"{place}: is not the file that was written")
        line, _, tensors = body.partition(b"\n")
        facts: dict[str, Any] = json.loads(line)
        if _canonical(facts["basis"]) != _canonical(basis):
            raise DamagedError(f"{place}: is of something else")
        with suppress(OSError):  # a folder that is only read
            os.utime(place)
        return facts, tensors

    def write(self, basis: Mapping[str, Any], facts: Mapping[str, Any], tensors: bytes) -> None:
        """Add what `basis` made, and let go of what the limit has no room for; raises OSError."""
        key = key_of(basis)
        body = _canonical({**facts, "basis": basis}).encode() + b"\n" + tensors
        if len(body) > self.limit:
            return
        (self.folder / _LOCKS).mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=f"{_DRAFT}{key[:8]}-", dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, self._place(key))
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        self.evict()

    def entries(self) -> list[Entry]:
        """Every entry, the most recently used first; only the heads of the files are read."""
        found = []
        for place in self.folder.glob(f"*{_SUFFIX}") if self.folder.is_dir() else ():
            with suppress(FileNotFoundError):  # another process let go of it just now
                known = place.stat()
                found.append(Entry(place.name.removesuffix(_SUFFIX), known.st_size, known.st_mtime, _facts(place)))
        return sorted(found, key=lambda entry: (-entry.used, entry.key))

    def evict(self) -> None:
        """Down to the limit, the least recently used first. Where another process is at it, it is left to that one."""
        try:
            with FileLock(self.folder / _LOCKS / "evict.lock", timeout=0):
                self._drop_drafts()
                found = self._sizes()
                over = sum(size for _, size, _ in found) - self.limit
                for _, size, place in sorted(found):
                    if over > 0:
                        place.unlink(missing_ok=True)
                        over -= size
        except (Timeout, OSError):
            return

    def clean(self) -> tuple[int, int]:
        """Remove every entry: how many there were, and their bytes. What is being made meanwhile stays whole.

        Raises:
            UserError: the folder cannot be written.
        """
        count = size = 0
        try:
            for _, each, place in self._sizes():
                place.unlink(missing_ok=True)
                count, size = count + 1, size + each
            self._drop_drafts()
            for lock in (self.folder / _LOCKS).glob("*.lock") if self.folder.is_dir() else ():
                if _is_stale(lock):
                    with suppress(Timeout), FileLock(lock, timeout=0):
                        lock.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"{self.folder}: cannot be written: {error.strerror or error}") from None
        return count, size

    def _sizes(self) -> list[tuple[float, int, Path]]:
        found = []
        for place in self.folder.glob(f"*{_SUFFIX}") if self.folder.is_dir() else ():
            with suppress(FileNotFoundError):
                known = place.stat()
                found.append((known.st_mtime, known.st_size, place))
        return found

    def _drop_drafts(self) -> None:
        for draft in self.folder.glob(f"{_DRAFT}*") if self.folder.is_dir() else ():
            if _is_stale(draft):
                draft.unlink(missing_ok=True)


def _is_stale(path: Path) -> bool:
    with suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime > _STALE_S
    return False


def _facts(place: Path) -> dict[str, Any] | None:
    """What a file says of itself, unchecked; None where it is none of ours."""
    try:
        with place.open("rb") as file:
            check = file.readline(128).strip()
            facts = json.loads(file.readline())
        return facts if _KEY.fullmatch(check.decode()) and isinstance(facts["basis"], dict) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))
