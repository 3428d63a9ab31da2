"""Names to things: a lazy registry that names the near misses, refuses duplicates, and takes plug-ins."""

from __future__ import annotations

import difflib
import importlib
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Protocol, TypeVar


class UnknownNameError(ValueError):
    """A name that no registry entry carries; one line, with the nearest valid name."""


class DuplicateNameError(ValueError):
    """Two entries claim one name; one line that names both."""


class PluginError(ValueError):
    """An entry point of another package cannot be loaded; one line that names both."""


class Entry(Protocol):
    """What a registry holds: a light description with a name and the place of the heavy thing."""

    @property
    def name(self) -> str: ...

    @property
    def target(self) -> str: ...


E = TypeVar("E", bound=Entry)


def unknown(kind: str, name: str, valid: list[str]) -> UnknownNameError:
    """The one line for a name that is not there."""
    near = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else "the valid ones are " + ", ".join(valid)
    return UnknownNameError(f"unknown {kind} {name!r}; {hint}")


class Registry(Generic[E]):
    """Entries by name. Listing loads nothing; `load` imports an entry's `module:attribute` when it is first used.

    Third-party packages add entries through the entry-point group given: each entry point names an entry, or a
    function that returns one.
    """

    def __init__(self, kind: str, builtin: Callable[[], list[E]], group: str | None = None) -> None:
        self._kind = kind
        self._builtin = builtin
        self._group = group
        self._entries: dict[str, E] | None = None
        self._lock = threading.RLock()

    def _table(self) -> dict[str, E]:
        with self._lock:
            if self._entries is None:
                table: dict[str, E] = {}
                for entry in self._builtin():
                    self._add(table, entry)
                for point in entry_points(group=self._group) if self._group else ():
                    self._add(table, self._plugged_in(point))
                self._entries = table  # whole or not at all: a failure above is raised again next time
            return self._entries

    def _plugged_in(self, point: EntryPoint) -> E:
        try:
            loaded: Any = point.load()
            entry: E = loaded() if callable(loaded) and not hasattr(loaded, "target") else loaded
            str(entry.name), str(entry.target)
        except Exception as error:
            owner = f" of {point.dist.name}" if point.dist else ""
            cause = " ".join(f"{type(error).__name__}: {error}".split())
            raise PluginError(f"{self._kind} plug-in {point.name!r}{owner} cannot be loaded: {cause}") from error
        return entry

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
        return name in self._table()

    @property
    def names(self) -> list[str]:
        return list(self._table())

    def get(self, name: str) -> E:
        """The description of an entry.

        Raises:
            UnknownNameError: no entry has this name.
        """
        table = self._table()
        if name not in table:
            raise unknown(self._kind, name, list(table))
        return table[name]

    def load(self, name: str) -> Any:
        """The thing itself, imported now."""
        module, _, attribute = self.get(name).target.partition(":")
        return getattr(importlib.import_module(module), attribute)
