"""An index beside a store's records, so that whoever opens a large store need not read and check every line again.

``STORE/index.sqlite`` is an SQLite file, and after it the SHA-256 of its bytes. It holds what was read of the first so
many bytes of each file of records, with their hash. It is never the truth: it counts only where these bytes still are
what they were, where its own are whole, and where the same code made it; lines that came after are read from the files.
Anything else, and all of it is read anew. Whoever judges another's store (boards, `verify`, `submit`) reads records.
"""

from __future__ import annotations

import hashlib
import math
import os
import sqlite3
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from graph_distillery.bench.records import fields, index_rows, schema
from graph_distillery.bench.records.fields import Kind, Status
from graph_distillery.bench.records.files import (
    KINDS,
    Lines,
    ReadResult,
    is_store,
    open_records,
    read_records,
    records_file,
    without_superseded,
)
from graph_distillery.bench.records.packing import is_packed
from graph_distillery.bench.records.schema import Record, RecordError
from graph_distillery.bench.records.sharing import collector_paused

INDEX = "index.sqlite"
#: Records beyond its index from which on a store is given another one; smaller stores have none.
WORTH = 2000
_CHUNK = 2**20
_TRAINED = ("trial", "report")
_TABLES = f"""
create table file (kind text primary key, size integer, lines integer, sha256 text);
create table about (name text primary key, value text);
{index_rows.TABLES}
"""


@dataclass(frozen=True)
class _Covered:
    """What an index knows of a file: its first bytes, how many lines they are, their hash."""

    size: int = 0
    lines: int = 0
    sha256: str = hashlib.sha256().hexdigest()


@dataclass
class Reading:
    """What a store's files hold: as far as its index tells it, and `fresh`, what came after it.

    answers: by name, what was kept in the index of what it holds.
    """

    store: Path
    fresh: ReadResult
    answers: Mapping[str, str]
    _index: sqlite3.Connection
    _known: Mapping[Any, _Covered]
    _files: Mapping[Kind, _Covered]
    _parts: index_rows.Parts | None = None

    def everything(self) -> ReadResult:
        """The records that stand, kind by kind, as `read_records` gives them, but for the places."""
        return self.of(None)

    def of(self, cells: Collection[str] | None) -> ReadResult:
        """The same of cells and teachers of these ids alone."""
        by_kind: dict[str, list[Record]] = {kind: [] for kind in KINDS}
        with collector_paused():
            for kind, record in self._rows("of", cells):
                by_kind[kind].append(record)
        for record in self.fresh.records:
            if cells is None or record.cell.id in cells:
                by_kind[record.kind].append(record)
        found = [record for records in by_kind.values() for record in records]
        return without_superseded(ReadResult(found, [""] * len(found), self.fresh.warnings))

    def _rows(self, column: str, values: Collection[str] | None) -> Iterator[tuple[str, Record]]:
        if self._parts is None:
            self._parts = index_rows.Parts(self._index)
        return index_rows.rows(self._index, self._parts, column, values)

    def teachers(self) -> list[Record]:
        """Every record of a teacher, those too in whose place others stand."""
        there = [record for _, record in self._rows("kind", ("teacher",))]
        return [*there, *(record for record in self.fresh.records if record.kind == "teacher")]

    def other_than(self, statuses: Collection[str]) -> list[Record]:
        """Likewise every record that has none of these statuses."""
        others = set(get_args(Status)) - set(statuses)
        there = [record for _, record in self._rows("status", others)]
        return [*there, *(record for record in self.fresh.records if record.status in others)]

    def ids(self) -> set[str]:
        """Of every record that is in the files."""
        return {each for (each,) in self._index.execute("select id from record")} | {r.id for r in self.fresh.records}

    def superseded(self) -> set[str]:
        """Ids in whose place other records stand."""
        fresh = (record.supersedes or () for record in self.fresh.records)
        return index_rows.superseded(self._index).union(*fresh)

    def seconds(self, statuses: Collection[str]) -> tuple[float, int]:
        """Of trainings of trials and reports that have one of these statuses, and how many."""
        fresh = [r.timings.train_s for r in self.fresh.records if r.kind in _TRAINED and r.status in statuses]
        before, number = index_rows.seconds(self._index, _TRAINED, statuses)
        return before + math.fsum(fresh), number + len(fresh)

    @property
    def indexed(self) -> int:
        """Records that the index holds."""
        return sum(each.lines for each in self._known.values())

    @property
    def worth_keeping(self) -> bool:
        """Whether the index is far behind."""
        return len(self.fresh.records) >= WORTH

    def keep(self, answers: Mapping[str, str] | None = None) -> None:
        """Write the index anew where it is far behind, or where these answers, which are of all records, are not in it.
        What the disk refuses costs time the next time, and nothing else.
        """
        told = self.indexed and not self.fresh.records and answers is not None
        if not self.worth_keeping and not told:
            return
        with suppress(OSError, sqlite3.Error):
            with self._index:
                index_rows.insert(self._index, self.fresh.records)
                self._index.execute("delete from file")
                self._index.execute("delete from about")
                covered = [(kind, each.size, each.lines, each.sha256) for kind, each in self._files.items()]
                self._index.executemany("insert into file values (?, ?, ?, ?)", covered)
                about = {"code": _code(), **{f"answer {name}": text for name, text in (answers or {}).items()}}
                self._index.executemany("insert into about values (?, ?)", about.items())
            self._parts = None
            self.fresh, self._known = ReadResult([], [], self.fresh.warnings), self._files
            _write(self.store / INDEX, self._index.serialize())

    def close(self) -> None:
        self._index.close()


def read_indexed(store: Path) -> Reading | None:
    """A store's files by its index, or all of them anew where that does not hold; None of a packed store.

    Raises:
        RecordError: as `read_records`.
    """
    if not is_store(store):
        raise RecordError(f"{store}: not a store (it has no records folder)")
    if is_packed(store) or not hasattr(sqlite3.Connection, "deserialize"):
        return None
    index, known, answers = _load(store / INDEX)
    if index is not None:
        with suppress(_Changed):
            return _read(store, index, known, answers)
        index.close()
    empty = _connect()
    empty.executescript(_TABLES)
    return _read(store, empty, {}, {})


class _Changed(Exception):
    """The files no longer begin with what was indexed, or hold an id of it twice."""


def _read(store: Path, index: sqlite3.Connection, known: Mapping[str, _Covered], answers: Mapping[str, str]) -> Reading:
    fresh = ReadResult([], [], [])
    lines, files = Lines(fresh), dict[Kind, _Covered]()
    with collector_paused():
        for kind in KINDS:
            path, before = records_file(store, kind), known.get(kind, _Covered())
            digest, rest = _beyond(path, before)
            count, size = lines.read(path, kind, rest, before.lines)
            digest.update(memoryview(rest)[:size])
            files[kind] = _Covered(before.size + size, before.lines + count, digest.hexdigest())
            del rest
    ids = ((record.id,) for record in fresh.records)
    if known and any(index.execute("select 1 from record where id = ?", each).fetchone() for each in ids):
        raise _Changed  # read anew, it is an error that names both places
    return Reading(store, fresh, answers, index, known, files)


def _beyond(path: Path, covered: _Covered) -> tuple[Any, bytes]:
    """The hash of a file's first bytes, which are those that were indexed, and what comes after them."""
    digest = hashlib.sha256()
    descriptor = open_records(path)
    if descriptor is None:
        if covered.size:
            raise _Changed
        return digest, b""
    try:
        with os.fdopen(descriptor, "rb") as file:
            left = covered.size
            while left and (part := file.read(min(_CHUNK, left))):
                digest.update(part)
                left -= len(part)
            if left or digest.hexdigest() != covered.sha256:
                raise _Changed
            return digest, file.read()
    except OSError as error:
        raise RecordError(f"{path}: cannot read: {error.strerror}") from None


def _load(path: Path) -> tuple[sqlite3.Connection | None, dict[str, _Covered], dict[str, str]]:
    """An index in memory, what it covers, and the answers in it; None where there is none that counts."""
    none = None, dict[str, _Covered](), dict[str, str]()
    try:
        if path.is_symlink() or not path.is_file():
            return none
        data = path.read_bytes()
    except OSError:
        return none
    size = len(data) - hashlib.sha256().digest_size
    if size <= 0 or hashlib.sha256(memoryview(data)[:size]).digest() != data[size:]:
        return none
    index = _connect()
    try:
        index.deserialize(data[:size])
        about = dict(index.execute("select name, value from about"))
        covered = {kind: _Covered(*facts) for kind, *facts in index.execute("select * from file")}
    except sqlite3.Error:
        index.close()
        return none
    if about.get("code") != _code():
        index.close()
        return none
    answers = {name.removeprefix("answer "): text for name, text in about.items() if name.startswith("answer ")}
    return index, covered, answers


def _connect() -> sqlite3.Connection:
    index = sqlite3.connect(":memory:")
    index.execute("pragma trusted_schema = off")
    return index


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.write(hashlib.sha256(content).digest())
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


@lru_cache(maxsize=1)
def _code() -> str:
    """Names what makes records of lines and rows of records: an index of another version does not count."""
    return code_of(fields, schema, index_rows)


def code_of(*modules: Any) -> str:
    """The hash of the text of modules."""
    digest = hashlib.sha256()
    for module in modules:
        digest.update(Path(module.__file__).read_bytes())
    return digest.hexdigest()


def read_all(store: Path) -> tuple[ReadResult, Reading | None]:
    """Every record that stands, by the index where there is one that holds.

    Raises:
        RecordError: as `read_records`.
    """
    reading = read_indexed(store)
    if reading is None:
        return read_records(store), None
    return reading.everything(), reading


__all__ = ["INDEX", "WORTH", "Reading", "code_of", "read_all", "read_indexed"]
