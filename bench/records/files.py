"""Append-only files of records: ``STORE/records/{teacher,trial,report,speed}.jsonl``.

One writer per store (the driver). A line that a crash cut short can only be the last one, and is set aside by
``repair``; any other bad line is an error, never skipped.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from graph_distillery.bench.records.fields import Kind
from graph_distillery.bench.records.packing import decompress, packed
from graph_distillery.bench.records.schema import Record, RecordError, parse_record
from graph_distillery.bench.records.sharing import Sharing, collector_paused

KINDS: tuple[Kind, ...] = get_args(Kind)
_CHUNK = 2**20


@dataclass(frozen=True)
class ReadResult:
    """Records in file order, ``places[i]`` ("FILE:LINE") of each, a warning per torn tail left out.

    superseded: ids in whose place another record stands; these are not among the records. replaced: those of them that
    the store holds.
    """

    records: list[Record]
    places: list[str]
    warnings: list[str]
    superseded: frozenset[str] = frozenset()
    replaced: tuple[Record, ...] = ()


def records_file(store: Path, kind: Kind) -> Path:
    """Where records of one kind live."""
    return store / "records" / f"{kind}.jsonl"


def read_records(store: Path, *, kinds: Iterable[Kind] | None = None, tolerate_torn_tail: bool = True) -> ReadResult:
    """Read and validate a store, kind by kind in the order of ``KINDS``.

    A torn last line is left out with a warning, or is an error when not tolerated. Everything else that is
    wrong is a RecordError naming FILE:LINE: a bad line, a record in another kind's file, an id met twice, a
    symbolic link.
    """
    store = Path(store)
    if not is_store(store):
        raise RecordError(f"{store}: not a store (it has no records folder)")
    result = ReadResult([], [], [])
    lines = Lines(result, tolerate_torn_tail)
    with collector_paused():
        for kind in KINDS if kinds is None else sorted(set(kinds), key=KINDS.index):
            path = records_file(store, kind)
            lines.read(path, kind, _read_bytes(path))
    return without_superseded(result)


def without_superseded(result: ReadResult) -> ReadResult:
    """Only the records that stand, one per piece of work."""
    gone = result.superseded.union(*(record.supersedes or () for record in result.records))
    if not gone:
        return result
    kept = [pair for pair in zip(result.records, result.places, strict=True) if pair[0].id not in gone]
    replaced = (*result.replaced, *(record for record in result.records if record.id in gone))
    return ReadResult([record for record, _ in kept], [place for _, place in kept], result.warnings, gone, replaced)


class Lines:
    """Reads and validates the lines of a store's files into `result`."""

    def __init__(self, result: ReadResult, tolerate_torn_tail: bool = True) -> None:
        self.result, self._tolerates = result, tolerate_torn_tail
        self._seen: dict[str, str] = {}
        self._sharing = Sharing()

    def read(self, path: Path, kind: Kind, data: bytes, before: int = 0) -> tuple[int, int]:
        """The lines of a file after the first `before` ones; how many whole ones there are, and their bytes.

        Raises:
            RecordError: as `read_records`.
        """
        if not before and data.startswith(codecs.BOM_UTF8):
            raise RecordError(f"{path}:1: begins with a byte order mark, as some editors write; save it without one")
        whole, tail = _split_tail(data)
        counted = whole.count(10), len(whole)
        place = f"{path}:{before + counted[0] + 1}"
        if tail and not _is_record(tail):
            message = f"{place}: torn last line of {len(tail)} bytes"
            if not self._tolerates:
                raise RecordError(f"{message}; run repair first")
            self.result.warnings.append(f"{message} left out")
        elif tail and not self._tolerates and not tail.endswith(b"\n"):
            raise RecordError(f"{place}: last line has no newline; run repair first")
        elif tail:
            whole = data
        for number, line in enumerate(io.BytesIO(whole), start=before + 1):  # one copy of a line at a time
            self._take(line.removesuffix(b"\n"), kind, f"{path}:{number}")
        return counted

    def _take(self, line: bytes, kind: Kind, place: str) -> None:
        record = parse_record(line, place)
        if record.kind != kind:
            raise RecordError(f"{place}: a {record.kind} record in the file of {kind} records")
        if record.id in self._seen:
            raise RecordError(f"{place}: id {record.id} is already at {self._seen[record.id]}")
        self._seen[record.id] = place
        self._sharing.share(record)
        self.result.records.append(record)
        self.result.places.append(place)


def repair(store: Path) -> list[str]:
    """Make every file end in a whole line; returns one message per repair.

    A last line that a crash cut is moved to ``records/KIND.jsonl.torn``; one that is a whole valid record and
    only lacks its newline gets it. Bad lines elsewhere are not touched. Raises RecordError when the disk
    refuses.
    """
    store = Path(store)
    if not is_store(store):
        return []
    messages = []
    for kind in KINDS:
        path = records_file(store, kind)
        if packed(path).exists():
            continue
        start, tail = _tail_of(path)
        if not tail:
            continue
        place = f"{path}:{_lines_before(path, start) + 1}"
        try:
            if _is_record(tail):
                _append_bytes(path, b"\n")
                messages.append(f"{place}: whole record without a newline, completed ({len(tail)} bytes)")
            else:
                torn = path.with_name(path.name + ".torn")
                _append_bytes(torn, tail if tail.endswith(b"\n") else tail + b"\n")
                _truncate(path, start)
                messages.append(f"{place}: torn last line of {len(tail)} bytes moved to {torn.name}")
        except OSError as error:
            raise RecordError(f"{place}: cannot repair: {error.strerror}") from None
    return messages


def _split_tail(data: bytes) -> tuple[bytes, bytes]:
    """(whole lines, tail): the tail is a last line without newline, or one that is not JSON; else empty."""
    end = data.rfind(b"\n") + 1
    if end < len(data) or not data:
        return data[:end], data[end:]
    start = data.rfind(b"\n", 0, end - 1) + 1
    try:
        json.loads(data[start:])
    except ValueError:
        return data[:start], data[start:]
    return data, b""


def _tail_of(path: Path) -> tuple[int, bytes]:
    """Where the tail of a file begins, and the tail, without reading the rest."""
    descriptor = open_records(path)
    if descriptor is None:
        return 0, b""
    with os.fdopen(descriptor, "rb") as file:
        size, length = os.fstat(descriptor).st_size, _CHUNK
        while True:
            begin = max(size - length, 0)
            file.seek(begin)
            end = file.read(size - begin)
            if not begin or end.count(b"\n") > 1:
                break
            length *= 2
    if begin:  # what the end begins with may be the rest of a line
        begin, end = begin + end.find(b"\n") + 1, end[end.find(b"\n") + 1 :]
    whole, tail = _split_tail(end)
    return begin + len(whole), tail


def _lines_before(path: Path, place: int) -> int:
    """How many lines a file has up to a byte."""
    count = 0
    with path.open("rb") as file:
        while place and (part := file.read(min(_CHUNK, place))):
            count += part.count(b"\n")
            place -= len(part)
    return count


def _is_record(line: bytes) -> bool:
    try:
        parse_record(line)
    except RecordError:
        return False
    return True


def is_store(store: Path) -> bool:
    """Whether the folder has records, or a place for them."""
    return (store / "records").is_dir()


def refuse_links(path: Path) -> None:
    """The records folder and its files must be real, so that nothing outside the store is read or written."""
    for part in (path.parent, path):
        if part.is_symlink():
            raise RecordError(f"{part}: is a symbolic link; records must lie inside the store")


def _read_bytes(path: Path) -> bytes:
    """The whole file, its packed form where the store is packed, or nothing where there is none."""
    if (small := packed(path)).exists():
        if path.exists():
            raise RecordError(f"{path}: stands beside {small.name}; a store is packed or it is not")
        return decompress(_read_plain(small), str(small))
    return _read_plain(path)


def open_records(path: Path) -> int | None:
    """A descriptor of a file of records; None where there is none.

    Raises:
        RecordError: it is no regular file, lies elsewhere, or cannot be read.
    """
    refuse_links(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RecordError(f"{path}: cannot read: {error.strerror}") from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    raise RecordError(f"{path}: {'cannot read: Is a directory' if stat.S_ISDIR(mode) else 'is not a regular file'}")


def _read_plain(path: Path) -> bytes:
    descriptor = open_records(path)
    if descriptor is None:
        return b""
    try:
        with os.fdopen(descriptor, "rb") as file:
            data = file.read()
    except OSError as error:
        raise RecordError(f"{path}: cannot read: {error.strerror}") from None
    if data.startswith(codecs.BOM_UTF8):
        raise RecordError(f"{path}:1: begins with a byte order mark; records are UTF-8 without one")
    return data


def _append_bytes(path: Path, data: bytes) -> None:
    refuse_links(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)


def _truncate(path: Path, length: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.ftruncate(descriptor, length)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Have on the disk which files there are."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
