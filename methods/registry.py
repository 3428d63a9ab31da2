"""Names to things: a lazy registry that names the near misses and takes plug-ins.

A built-in or a plug-in that cannot be loaded is left out with one warning; nothing that does not need it stops.
"""

from __future__ import annotations

import importlib
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from graph_distillery.near_names import unknown_line


class UnknownNameError(ValueError):
    """A name that no registry entry carries; one line, with the nearest valid name."""


class DuplicateNameError(ValueError):
    """Two entries claim one name; one line that names both."""


class BrokenEntryWarning(UserWarning):
    """An entry was left out of its registry; one line that says which and why."""


@dataclass(frozen=True)
class Broken:
    """An entry that was left out. name: of the folder or the entry point; reason: one line."""

    name: str
    reason: str


class Entry(Protocol):
    """What a registry holds: a light description with a name and the place of the heavy thing."""

    @property
    def name(self) -> str: ...

    @property
    def target(self) -> str: ...


E = TypeVar("E", bound=Entry)


def unknown(kind: str, name: str, valid: list[str]) -> UnknownNameError:
    """The one line for a name that is not there."""
    return UnknownNameError(unknown_line(kind, name, valid))


def walk(package: str) -> Iterator[Any]:
    """What stands as `INFO` in every `info.py` in the folders of a package, folder by folder.

    `INFO` is one entry, or several of a family; a target that begins with a dot is of the folder. In the place of
    one that cannot be imported comes a `Broken`.
    """
    home = importlib.import_module(package)
    for root in map(Path, home.__path__):
        for file in sorted(root.glob("*/**/info.py")):
            folder = ".".join((package, *file.parent.relative_to(root).parts))
            try:
                info = importlib.import_module(f"{folder}.info").INFO
                for entry in info if isinstance(info, (list, tuple)) else (info,):
                    yield replace(entry, target=folder + entry.target) if entry.target.startswith(".") else entry
            except Exception as error:
                yield Broken(file.parent.name, f"{folder} cannot be loaded: {_cause(error)}")


def _cause(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


class Registry(Generic[E]):
    """Entries by name. Listing loads nothing; `load` imports an entry's `module:attribute` when it is first used.

    Third-party packages add entries through the entry-point group given: each entry point names an entry, or a
    function that returns one. What is broken, or claims a name that is taken, is in `broken`, told of once.

    families: of names in no list, such as `pyg:GAT`, what makes the entry, by what stands before the colon.
    """

    def __init__(
        self,
        kind: str,
        builtin: Callable[[], Iterable[E | Broken]],
        group: str | None = None,
        families: Mapping[str, Callable[[str], E]] | None = None,
    ) -> None:
        self._kind = kind
        self._builtin = builtin
        self._group = group
        self._families = dict(families or {})
        self._of_families: dict[str, E] = {}
        self._entries: dict[str, E] | None = None
        self._broken: list[Broken] = []
        self._lock = threading.RLock()

    def _table(self) -> dict[str, E]:
        with self._lock:
            if self._entries is None:
                self._entries, self._broken = {}, []
                for found in (*self._builtin(), *map(self._plugged_in, self._points())):
                    if isinstance(found, Broken):
                        self._leave_out(found)
                        continue
                    try:
                        self._add(self._entries, found)
                    except DuplicateNameError as error:
                        self._leave_out(Broken(found.name, str(error)))
            return self._entries

    def _leave_out(self, broken: Broken) -> None:
        self._broken.append(broken)
        warnings.warn(broken.reason, BrokenEntryWarning, stacklevel=2)

    def _points(self) -> Iterable[EntryPoint]:
        return entry_points(group=self._group) if self._group else ()

    def _plugged_in(self, point: EntryPoint) -> E | Broken:
        try:
            loaded: Any = point.load()
            entry: E = loaded() if callable(loaded) and not hasattr(loaded, "target") else loaded
            str(entry.name), str(entry.target)
        except Exception as error:
            owner = f" of {point.dist.name}" if point.dist else ""
            reason = f"{self._kind} plug-in {point.name!r}{owner} cannot be loaded: {_cause(error)}"
            return Broken(point.name, reason)
        return entry

    @property
    def broken(self) -> list[Broken]:
        """What was left out, and why."""
        self._table()
        return list(self._broken)

    def _add(self, table: dict[str, E], entry: E) -> None:
        if entry.name in table:
            raise DuplicateNameError(
                f"{self._kind} {entry.name!r} is registered twice: {table[entry.name].target} and {entry.target}"
            )
        table[entry.name] = entry

    def register(self, entry: E) -> None:
        """Add an entry.

        Raises:
            DuplicateNameError: the name is taken.
        """
        with self._lock:
            self._add(self._table(), entry)

    def unregister(self, name: str) -> None:
        """Take an entry out again (plug-in authors' tests)."""
        with self._lock:
            self._table().pop(name, None)

    def __iter__(self) -> Iterator[E]:
        return iter(list(self._table().values()))

    def __contains__(self, name: object) -> bool:
        return name in self._table() or (isinstance(name, str) and self._family(name) is not None)

    def _family(self, name: str) -> Callable[[str], E] | None:
        prefix, colon, _ = name.partition(":")
        return self._families.get(prefix) if colon else None

    @property
    def names(self) -> list[str]:
        return list(self._table())

    def get(self, name: str) -> E:
        """The description of an entry.

        Raises:
            UnknownNameError: no entry has this name.
        """
        table = self._table()
        if name not in table and (family := self._family(name)) is not None:
            if name not in self._of_families:
                self._of_families[name] = family(name)
            return self._of_families[name]
        if name not in table:
            if reason := next((broken.reason for broken in self._broken if broken.name == name), None):
                raise UnknownNameError(reason)
            raise unknown(self._kind, name, list(table))
        return table[name]

    def load(self, name: str) -> Any:
        """The thing itself, imported now."""
        module, _, attribute = self.get(name).target.partition(":")
        return getattr(importlib.import_module(module), attribute)
