"""The files in which a store says what it is of: `store.json`, `spec.yaml`, `plan.json`; read here, written whole."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.ids import is_id
from graph_distillery.bench.paths import can_be_written
from graph_distillery.bench.records import read_records
from graph_distillery.bench.records.packing import is_packed
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.growth import grown
from graph_distillery.bench.sweeps.plan.plan import IdScheme, Plan
from graph_distillery.bench.sweeps.plan.shards import plan_of_shard
from graph_distillery.bench.sweeps.plan.stored import StoredPlan, parse_stored
from graph_distillery.bench.sweeps.spec import Spec, read_spec, with_ablated

FACTS, SPEC, PLAN, ENVIRONMENT, LOCK = "store.json", "spec.yaml", "plan.json", "environment.json", ".lock"


@dataclass(frozen=True)
class StoreFacts:
    """What a store says of itself. part: `2/4` where it is of some of its spec's cells."""

    store_id: str
    plan_id: str
    suite_version: str
    data_dir: str | None
    part: str | None = None


def begun(path: Path) -> bool:
    """Whether there is a store, finished or not."""
    return (path / FACTS).exists()


def read_facts(path: Path) -> StoreFacts:
    """What a store says of itself.

    Raises:
        UserError: there is no store, or its facts are not in order.
    """
    try:
        content = json.loads((path / FACTS).read_text())
        facts = StoreFacts(**content)
    except FileNotFoundError:
        raise UserError(f"{path}: {_absence(path)}") from None
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path / FACTS}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    for name in ("store_id", "plan_id"):
        value = getattr(facts, name)
        if not isinstance(value, str) or not is_id(value):
            raise UserError(f"{path / FACTS}: {name} {value!r} is not 16 hex digits")
    if facts.part is not None and not isinstance(facts.part, str):
        raise UserError(f"{path / FACTS}: part {facts.part!r} is not text")
    return facts


def _absence(path: Path) -> str:
    """Why there is no store to be read: nothing at all, something else, or one that was only just begun."""
    if not path.exists():
        return f"is no store (there is nothing at {path.absolute()})"
    if path.is_dir() and any(path.iterdir()) and only_begun(path):
        return "a store was begun here and nothing is in it yet; its sweep goes on by the command that began it"
    return f"is no store (no {FACTS} in it)"


def only_begun(path: Path) -> bool:
    """Whether the folder holds nothing but what a driver leaves that was killed before its facts, which come last."""
    return stranger(path) is None


def stranger(path: Path) -> str | None:
    """The first name in the folder that is of no store's beginning."""
    return next(iter(sorted(item.name for item in path.iterdir() if not _is_beginning(item))), None)


def _is_beginning(item: Path) -> bool:
    if item.name == "records":
        return item.is_dir() and not any(item.iterdir())
    ours = (SPEC, ENVIRONMENT, LOCK, PLAN)
    return item.name in ours or item.name.startswith(tuple(f".{name}-" for name in (*ours, FACTS)))


def read_spec_of(path: Path) -> Spec:
    """The resolved spec of a store."""
    read_facts(path)
    return read_spec(path / SPEC)


def stored_plan_of(path: Path) -> StoredPlan | None:
    """The plan as the store keeps it; None of a store that keeps none, from before stores did.

    Raises:
        UserError: it cannot be read.
    """
    try:
        text = (path / PLAN).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path / PLAN}: cannot be read: {error.strerror or error}") from None
    return parse_stored(text, str(path / PLAN))


def plan_of(path: Path) -> Plan:
    """The plan of a store: the one it keeps, or of an older store what its spec still expands to.

    Raises:
        UserError: it is no store; or it keeps no plan, and this version expands its spec to other cells.
    """
    facts = read_facts(path)
    data_dir = Path(facts.data_dir) if facts.data_dir else None
    stored = stored_plan_of(path)
    if stored is not None:
        try:
            return stored.plan(data_dir)
        except ValueError as error:
            raise UserError(f"{path / PLAN}: {error}") from None
    spec = with_ablated(read_spec_of(path), False)  # it is from before there were such runs
    for scheme in get_args(IdScheme):
        plan = plan_of_shard(make_plan(spec, data_dir, id_scheme=scheme), facts.part, str(path))
        if plan.id == facts.plan_id:
            return plan
    raise UserError(
        f"{path}: the store was made by version {facts.suite_version} under other search spaces or defaults, "
        "so that its cells are not those of this version"
    )


def plan_in(path: Path, spec: Spec, data_dir: Path | None = None, shard: str | None = None) -> Plan:
    """What a spec comes to in a store: its plan, with what the spec asks for beyond it; where there is none, the plan
    of the spec.

    Raises:
        UserError: the store is of a spec that this one does not go on from, or something else is there.
    """
    refuse(path)
    if not begun(path):
        return plan_of_shard(make_plan(spec, data_dir), shard, "--cells")
    return grown(plan_of(path), spec, shard, data_dir, str(path), lambda: _with_records(path))


def _with_records(path: Path) -> set[str]:
    return {record.cell.id for record in read_records(path).records}


def refuse(path: Path) -> None:
    """Raises UserError where the place is taken by something that is no store, or cannot be written to; writes
    nothing.
    """
    can_be_written(path)
    if not path.is_dir():
        return
    if is_packed(path):
        raise UserError(
            f"{path}: is a packed store, which is only read; `distillery pack --unpack {path}` makes a store of it"
        )
    if not begun(path) and (name := stranger(path)) is not None:
        raise UserError(f"{path}: holds {name!r} and is no store; choose an empty folder")


def write_whole(path: Path, text: str) -> None:
    """Write whole or not at all."""
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
