"""A store: the folder of one plan's records, teachers, resolved spec and environment, with one driver at a time."""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import yaml
from filelock import FileLock, Timeout

from graph_distillery.bench.environment import environment, suite_version
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.ids import is_id
from graph_distillery.bench.records import Record, RecordWriter, read_records, repair
from graph_distillery.bench.records.identity import next_try
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.spec import Spec, read_spec

if TYPE_CHECKING:
    from graph_distillery.bench.training.artefacts import StoredArtefacts

_FACTS = "store.json"
_SPEC = "spec.yaml"
_TAKEN = "another driver is at work on this store; wait for it or stop it"


@dataclass(frozen=True)
class StoreFacts:
    """What a store says of itself. part: `2/4` where it is of some of its spec's cells."""

    store_id: str
    plan_id: str
    suite_version: str
    data_dir: str | None
    part: str | None = None


class Store:
    """An open store. Opening takes the lock, repairs a torn last line, and reads every record.

    Raises:
        UserError: it is no store, another driver has it, it is of another plan, or it cannot be written.
        RecordError: a record in it cannot be read.
    """

    def __init__(self, path: Path, plan: Plan) -> None:
        self.path = path
        self.plan = plan
        refuse(path, plan)
        self._lock = FileLock(path / ".lock")
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=1)  # `status` looks at the lock for an instant
        except Timeout:
            raise UserError(f"{path}: {_TAKEN}") from None
        except OSError as error:
            raise UserError(f"{path}: cannot be written: {error.strerror or error}") from None
        try:
            self._settle()
        except BaseException:
            self.close()
            raise

    def _settle(self) -> None:
        from graph_distillery.bench.training.artefacts import (
            StoredArtefacts,  # torch; who only reads facts does without
        )

        self._claim()
        self.messages = repair(self.path)
        found = read_records(self.path)
        self.records: list[Record] = found.records
        self.appended = 0
        self._used = {record.id for record in found.records} | found.superseded
        self._writer = RecordWriter(self.path)
        self.artefacts: StoredArtefacts = StoredArtefacts(self.path)

    @property
    def id(self) -> str:
        """Derived from the plan: the same sweep run twice has the same id."""
        return self.plan.id

    def append(self, record: Record) -> None:
        """Add a record and sync it to the disk; raises RecordError."""
        self._writer.append(record)
        self.appended += 1
        self._used.add(record.id)
        if record.supersedes:
            self.records = [old for old in self.records if old.id not in record.supersedes]
        self.records.append(record)

    def fresh_id(self, base: str) -> str:
        """`base`, or where that record is there already the id of the next try."""
        while base in self._used:
            base = next_try(base)
        return base

    def close(self) -> None:
        if hasattr(self, "_writer"):
            self._writer.close()
        self._lock.release()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _claim(self) -> None:
        """Write what the store is of, or check that it is of this plan: another driver may have come first."""
        if (self.path / _FACTS).exists():
            refuse(self.path, self.plan)
            return
        spec = yaml.safe_dump(self.plan.spec.model_dump(mode="json"), sort_keys=False)
        data_dir = str(self.plan.data_dir.resolve()) if self.plan.data_dir else None
        facts = {
            "store_id": self.id,
            "plan_id": self.plan.id,
            "suite_version": suite_version(),
            "data_dir": data_dir,
            **({"part": self.plan.shard} if self.plan.shard else {}),
        }
        try:
            (self.path / "records").mkdir(exist_ok=True)
            write_whole(self.path / _SPEC, spec)
            write_whole(self.path / "environment.json", environment().model_dump_json(indent=1))
            write_whole(self.path / _FACTS, json.dumps(facts, indent=1))
        except OSError as error:
            raise UserError(f"{self.path}: cannot be written: {error.strerror or error}") from None


def refuse(path: Path, plan: Plan) -> None:
    """What speaks against opening a store of this plan there, as far as a look can tell; writes nothing.

    Raises:
        UserError: it is no store, or it is of another plan.
    """
    if not path.is_dir():
        if path.exists():
            raise UserError(f"{path}: is a file, not a folder")
        return
    if (path / _FACTS).exists():
        if read_facts(path).plan_id != plan.id:
            raise UserError(f"{path}: {_difference(path, plan)}; choose another store")
    elif strangers := sorted(item.name for item in path.iterdir() if not _is_beginning(item)):
        raise UserError(f"{path}: holds {strangers[0]!r} and is no store; choose an empty folder")


def refuse_taken(path: Path) -> None:
    """The same of a store on which another driver is at work, before anything is done that takes long."""
    from graph_distillery.bench.sweeps.store.status import driver_at_work

    for patience_s in (1, 0):  # it may be just ending
        if not driver_at_work(path):
            return
        time.sleep(patience_s)
    raise UserError(f"{path}: {_TAKEN}")


def _difference(path: Path, plan: Plan) -> str:
    """The first field in which the store's spec is not this one."""
    part = read_facts(path).part
    if part != plan.shard:
        return f"the store is of {_cells(part)} of its spec, not of {_cells(plan.shard)}"
    ours, theirs = plan.spec.model_dump(mode="json"), read_spec_of(path).model_dump(mode="json")
    for name, value in theirs.items():
        if name not in ("name", "resources") and ours[name] != value:
            return f"the store is of another spec ({name}: {_short(value)} there, {_short(ours[name])} here)"
    return "the store is of the same spec under other search spaces or defaults"


def _is_beginning(item: Path) -> bool:
    """Whether a driver that was killed before it wrote its facts, which come last, left this behind."""
    if item.name == "records":
        return item.is_dir() and not any(item.iterdir())
    ours = (_SPEC, "environment.json", ".lock")
    return item.name in ours or item.name.startswith(tuple(f".{name}-" for name in (*ours, _FACTS)))


def _cells(part: str | None) -> str:
    return f"cells {part}" if part else "all cells"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def read_facts(path: Path) -> StoreFacts:
    """What a store says of itself.

    Raises:
        UserError: there is no store, or its facts are not in order.
    """
    try:
        content = json.loads((path / _FACTS).read_text())
        facts = StoreFacts(**content)
    except FileNotFoundError:
        raise UserError(f"{path}: is no store (no {_FACTS} in it)") from None
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path / _FACTS}: cannot be read: {error}") from None
    for name in ("store_id", "plan_id"):
        value = getattr(facts, name)
        if not isinstance(value, str) or not is_id(value):
            raise UserError(f"{path / _FACTS}: {name} {value!r} is not 16 hex digits")
    if facts.part is not None and not isinstance(facts.part, str):
        raise UserError(f"{path / _FACTS}: part {facts.part!r} is not text")
    return facts


def read_spec_of(path: Path) -> Spec:
    """The resolved spec of a store."""
    read_facts(path)
    return read_spec(path / _SPEC)


def write_whole(path: Path, text: str) -> None:
    """Write whole or not at all."""
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
