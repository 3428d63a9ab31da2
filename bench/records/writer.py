"""Appending records to a store, one writer at a time."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from types import TracebackType

from graph_distillery.bench.records.fields import Kind
from graph_distillery.bench.records.files import (
    KINDS,
    ReadResult,
    is_store,
    read_records,
    records_file,
    refuse_links,
    sync_folder,
)
from graph_distillery.bench.records.packing import packed
from graph_distillery.bench.records.schema import Record, RecordError


class RecordWriter:
    """Appends records, each on disk (fsync) before ``append`` returns, unless told that a ``sync`` will follow; files
    are opened when first needed.

    Raises RecordError, always with one line: an id already present in the store, a torn tail (run ``repair``
    first), a disk that refuses the write (the file is cut back, so no half line stays), or a file that
    another process changes.
    """

    def __init__(self, store: Path, ids: Collection[str] | None = None) -> None:
        """ids: of the records that the store has, those in whose place others stand too; None: they are read."""
        self.store = Path(store)
        self._files: dict[Kind, _AppendFile] = {}
        self._ids = None if ids is None else set(ids)

    def append(self, record: Record, *, sync: bool = True) -> None:
        """Write one record as one line; with `sync` it is on the disk, and all that was appended before."""
        if self._ids is None:
            present = is_store(self.store)
            existing = read_records(self.store, tolerate_torn_tail=False) if present else ReadResult([], [], [])
            self._ids = {old.id for old in existing.records} | existing.superseded
        if record.id in self._ids:
            raise RecordError(f"{self.store}: record {record.id} ({record.kind}) is already in the store")
        if record.kind not in self._files:
            self._files[record.kind] = _AppendFile(records_file(self.store, record.kind))
        self._ids.add(record.id)
        try:
            self._files[record.kind].append(record.to_json().encode() + b"\n")
            if sync:
                self.sync()
        except RecordError:
            self._ids.discard(record.id)
            raise

    def sync(self) -> None:
        """Have on the disk what was appended. Raises RecordError; then what was not on it is cut off."""
        for kind in KINDS:  # a trial before the report of its configuration
            if kind in self._files:
                self._files[kind].sync()

    def close(self) -> None:
        """Close the files; the writer may be used again and opens them anew."""
        while self._files:
            self._files.popitem()[1].close()

    def __enter__(self) -> RecordWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _AppendFile:
    """One file open for appending; knows the length it must have, and how much of that is on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
                sync_folder(path.parent.parent)
            refuse_links(path)
            if packed(path).exists():
                raise RecordError(f"{path}: the store is packed and takes no more records")
            created = not path.exists()
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(path, flags, 0o644)
            if created:
                sync_folder(path.parent)
            self._length = self._synced = os.fstat(self._descriptor).st_size
        except OSError as error:
            raise RecordError(f"{path}: cannot open for writing: {error.strerror}") from None

    def append(self, line: bytes) -> None:
        if os.fstat(self._descriptor).st_size != self._length:
            raise RecordError(f"{self.path}: changed while open; another process writes to this store")
        written = 0
        try:
            while written < len(line):  # one write, unless the disk fills: the second one then says why
                written += os.write(self._descriptor, line[written:])
        except OSError as error:
            outcome = self._cut_back(written)
            raise RecordError(f"{self.path}: cannot append: {error.strerror}; {outcome}") from None
        except BaseException:  # Ctrl-C: the line is whole or absent, and the next append must know which
            self._length = os.fstat(self._descriptor).st_size
            raise
        self._length += len(line)

    def sync(self) -> None:
        if self._synced == self._length:
            return
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            unsure = self._length - self._synced
            self._length = self._synced
            outcome = self._cut_back(unsure)
            raise RecordError(f"{self.path}: cannot append: {error.strerror}; {outcome}") from None
        self._synced = self._length

    def close(self) -> None:
        try:
            self.sync()
        finally:
            os.close(self._descriptor)

    def _cut_back(self, written: int) -> str:
        """Remove what a failed append left, unless another process wrote after it; says what came of it."""
        try:
            if os.fstat(self._descriptor).st_size != self._length + written:
                return "another process changed the file, so a half line may remain"
            os.ftruncate(self._descriptor, self._length)
            return "nothing was written"
        except OSError as error:
            return f"cutting the half line off failed too ({error.strerror}), run repair"
