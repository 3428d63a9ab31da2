"""Artefacts: computed once, content-addressed, kept as safetensors beside what made them.

In a store an artefact is a folder named by its id, `teachers/<id>/` or `artefacts/<id>/`, with the tensors and a JSON
file of facts. It is written whole or not at all, and no pickle is ever read.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.ids import is_id

#: Bytes from which on an artefact's file is mapped, not read.
MAPPED_FROM = 64 << 20
#: What every artefact says of itself; what else is needed depends on its kind.
_ALWAYS = frozenset({"dataset_sha256", "node_order_sha256"})


@dataclass(frozen=True)
class Artefact:
    """Tensors that travel between processes, as bytes.

    tensors: safetensors bytes; facts: JSON-able description of what made them. file: of a large one the file that
    `tensors` maps; such tensors are read from the disk as they are used, and processes share the memory.
    """

    id: str
    tensors: bytes | mmap.mmap
    facts: Mapping[str, Any]
    file: Path | None = None

    def unpacked(self, noun: str) -> dict[str, Tensor]:
        """The tensors, by name; `noun` opens the line of an error.

        Raises:
            UserError: they cannot be read.
        """
        try:
            if self.file is not None:
                with safe_open(self.file, framework="pt") as stored:
                    return {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - no mapping
            found: dict[str, Tensor] = load_tensors(bytes(self.tensors))
        except (SafetensorError, OSError) as error:
            raise UserError(f"{noun} {self.id}: {noun}.safetensors cannot be read: {error}") from None
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        """To another process, or another machine, whole."""
        return Artefact, (self.id, bytes(self.tensors), self.facts)


def pack(artefact_id: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Artefact:
    """On the CPU, in one piece each."""
    return Artefact(artefact_id, save_tensors({name: t.contiguous().cpu() for name, t in tensors.items()}), facts)


class ArtefactCache:
    """A folder of artefacts of one kind, `noun`; needed: what their facts must hold."""

    def __init__(self, folder: Path, noun: str = "artefact", needed: frozenset[str] = frozenset()) -> None:
        self.folder, self.noun = folder, noun
        self._needed = needed | _ALWAYS | {"sha256"}

    def _place(self, artefact_id: str) -> Path:
        if not is_id(artefact_id):
            raise UserError(f"{self.noun} id {artefact_id!r} is not 16 hex digits")
        return self.folder / artefact_id

    def has(self, artefact_id: str) -> bool:
        return (self._place(artefact_id) / f"{self.noun}.json").is_file()

    def save(self, artefact: Artefact) -> None:
        """Write whole or not at all; a second writer of the same artefact waits, then finds it there."""
        place = self._place(artefact.id)
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f".{artefact.id}.lock"):
            if self.has(artefact.id):
                return
            draft = Path(tempfile.mkdtemp(prefix=f".{artefact.id}-", dir=self.folder))
            try:
                _write(draft / f"{self.noun}.safetensors", artefact.tensors)
                checksum = hashlib.sha256(artefact.tensors).hexdigest()
                facts = {"id": artefact.id, "sha256": checksum, **artefact.facts}
                _write(draft / f"{self.noun}.json", json.dumps(facts, indent=1, sort_keys=True).encode())
                if place.exists():  # a folder without its facts is the leftover of nothing we wrote
                    shutil.rmtree(place)
                os.replace(draft, place)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise

    def load(self, artefact_id: str) -> Artefact:
        """Read one.

        Raises:
            UserError: it is not there, or its bytes are not those that were written.
        """
        place, noun = self._place(artefact_id), self.noun
        try:
            facts = json.loads((place / f"{noun}.json").read_text(encoding="utf-8"))
            tensors, file = _read(place / f"{noun}.safetensors")
            if not isinstance(facts, dict) or not facts.keys() >= self._needed:
                raise ValueError(f"{noun}.json lacks {', '.join(sorted(self._needed))}")
        except (OSError, ValueError) as error:
            raise UserError(f"{noun} {artefact_id}: cannot be read from {place.name}: {error}") from None
        if hashlib.sha256(tensors).hexdigest() != facts["sha256"]:
            raise UserError(
                f"{noun} {artefact_id}: {noun}.safetensors is not the file that was written; delete {place}"
            )
        return Artefact(artefact_id, tensors, facts, file)


def _read(path: Path) -> tuple[bytes | mmap.mmap, Path | None]:
    """The content of a file; mapped, with its path, where it is large."""
    if path.stat().st_size < MAPPED_FROM:
        return path.read_bytes(), None
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), path


def _write(path: Path, content: bytes | mmap.mmap) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


class StoredArtefacts:
    """Every artefact of a store: its teachers, and the rest."""

    def __init__(self, store: Path) -> None:
        self.teachers = teacher_cache(store / "teachers")
        self.others = ArtefactCache(store / "artefacts", needed=frozenset({"artefact", "settings"}))

    def load(self, artefact_id: str) -> Artefact:
        """One of either kind. Raises UserError as `ArtefactCache.load`."""
        return (self.others if self.others.has(artefact_id) else self.teachers).load(artefact_id)


def teacher_cache(folder: Path) -> ArtefactCache:
    """The teachers of a store."""
    return ArtefactCache(folder, "teacher", frozenset({"model", "hyperparameters"}))
