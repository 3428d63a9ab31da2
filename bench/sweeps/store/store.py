"""A store: the folder of one plan's records, teachers, resolved spec and environment, with one driver at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import yaml
from filelock import FileLock, Timeout

from graph_distillery.bench.environment import environment, suite_version
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Record, RecordWriter, repair
from graph_distillery.bench.records.identity import next_try
from graph_distillery.bench.records.index import WORTH, read_indexed
from graph_distillery.bench.records.predictions import sweep_drafts, write_predictions
from graph_distillery.bench.records.sharing import Sharing
from graph_distillery.bench.sweeps.plan.pins import Pin, joined
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.plan.stored import StoredPlan, store_plan
from graph_distillery.bench.sweeps.store.files import (
    ENVIRONMENT,
    FACTS,
    LOCK,
    PLAN,
    SPEC,
    StoreFacts,
    begun,
    plan_in,
    read_facts,
    refuse,
    stored_plan_of,
    write_whole,
)
from graph_distillery.bench.sweeps.store.heartbeat import driver_at_work
from graph_distillery.bench.sweeps.store.held import Held
from graph_distillery.bench.sweeps.store.kept_status import progress_of

if TYPE_CHECKING:
    from graph_distillery.bench.training.artefacts import StoredArtefacts

_TAKEN = "another driver is at work on this store; wait for it or stop it"


class Store:
    """An open store. Opening takes the lock, repairs a torn last line, and reads every record, or of a
    large store its index.

    plan: what is to be done in it: of a store that is there its own plan, with what the given one asks for beyond it.
    id: of the plan that it was begun with; the same sweep run twice has the same.
    pins: the data as they are here; those that it has not met are kept with the plan. Without any, a store from before
    stores kept their plan stays as it is.

    Raises:
        UserError: it is no store, another driver has it, the plan would change what is finished in it, the data are
            not those that it was begun with, or it cannot be written.
        RecordError: a record in it cannot be read.
    """

    def __init__(self, path: Path, plan: Plan, pins: Sequence[Pin] = ()) -> None:
        self.path = path
        self.plan = plan
        refuse(path)
        self._lock = FileLock(path / LOCK)
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=1)  # `status` looks at the lock for an instant
        except Timeout:
            raise UserError(f"{path}: {_TAKEN}") from None
        except OSError as error:
            raise UserError(f"{path}: cannot be written: {error.strerror or error}") from None
        try:
            self._settle(pins)
        except BaseException:
            self.close()
            raise

    def _settle(self, pins: Sequence[Pin]) -> None:
        from graph_distillery.bench.training.artefacts import (
            StoredArtefacts,  # torch; who only reads facts does without
        )

        self._claim(pins)
        self.messages = repair(self.path)
        sweep_drafts(self.path)
        self.held = Held(self.path, self.plan)
        self.appended = 0
        self._sharing = Sharing()
        self._writer = RecordWriter(self.path, self.held.ids)
        self.artefacts: StoredArtefacts = StoredArtefacts(self.path)

    def append(self, record: Record, predictions: bytes | None = None, *, sync: bool = True) -> None:
        """Add a record and sync it to the disk, or leave that to `sync`, after the predictions that it tells of; raises
        RecordError."""
        if predictions is not None:
            write_predictions(self.path, predictions)
        self._writer.append(record, sync=sync)
        self._sharing.share(record)
        self.appended += 1
        self.held.add(record)

    @property
    def records(self) -> list[Record]:
        """All that stand; of a large store they are read anew each time."""
        return self.held.every()

    def sync(self) -> None:
        """Have on the disk what was added; raises RecordError."""
        self._writer.sync()

    def fresh_id(self, base: str) -> str:
        """`base`, or where that record is there already the id of the next try."""
        while base in self.held.ids:
            base = next_try(base)
        return base

    def close(self) -> None:
        if hasattr(self, "held"):
            self.held.close()
        if hasattr(self, "_writer"):
            self._writer.close()
        self._lock.release()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self.appended >= WORTH and (reading := read_indexed(self.path)) is not None:
            progress_of(self.plan, reading)  # which keeps it
            reading.close()
        self.close()

    def _claim(self, pins: Sequence[Pin]) -> None:
        """Write what the store is of: another driver may have come first, or the spec may ask for more than before."""
        there = begun(self.path)
        stored = stored_plan_of(self.path) if there else None
        if there:
            plan = self.plan
            self.plan = plan_in(self.path, plan.spec, plan.data_dir, plan.shard)
        known = stored.pins if stored is not None else ()
        content = store_plan(self.plan, joined(known, pins, str(self.path)), suite_version())
        facts = read_facts(self.path) if there else None
        self.id = facts.store_id if facts is not None else self.plan.id
        if there and (content == stored or (stored is None and not pins)):
            return
        try:
            self._write_facts(content, facts)
        except OSError as error:
            raise UserError(f"{self.path}: cannot be written: {error.strerror or error}") from None

    def _write_facts(self, content: StoredPlan, former: StoreFacts | None) -> None:
        plan = self.plan
        data_dir = str(plan.data_dir.resolve()) if plan.data_dir else None
        facts = StoreFacts(self.id, plan.id, suite_version(), data_dir, plan.shard)
        if former is not None:  # the records so far are of the data folder and the version that began it
            facts = replace(former, plan_id=plan.id)
        (self.path / "records").mkdir(exist_ok=True)
        write_whole(self.path / PLAN, content.to_json())
        write_whole(self.path / SPEC, yaml.safe_dump(plan.spec.model_dump(mode="json"), sort_keys=False))
        if former is None:
            write_whole(self.path / ENVIRONMENT, environment().model_dump_json(indent=1))
        told = {name: value for name, value in asdict(facts).items() if name != "part" or value is not None}
        write_whole(self.path / FACTS, json.dumps(told, indent=1))


def refuse_taken(path: Path) -> None:
    """Of a store on which another driver is at work, before anything is done that takes long; raises UserError."""
    for patience_s in (1, 0):  # it may be just ending
        if not driver_at_work(path):
            return
        time.sleep(patience_s)
    raise UserError(f"{path}: {_TAKEN}")
