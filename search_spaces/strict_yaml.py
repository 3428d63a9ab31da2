"""YAML for everything that people write for the suite: search spaces and specs.

A small, predictable subset. Scalars follow YAML 1.2's core schema (``1e-3`` and ``5.0E-4`` are floats,
``10:30``, ``on``, ``no`` and dates are text); keys are text and unique; anchors, aliases, tags, several
documents, NaN and infinity are refused, and so are files over 1 MB and nesting over 30 levels. Whatever is
wrong, the error is one `SpaceError` line with source, line and column.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import yaml

from graph_distillery.search_spaces.errors import SpaceError, shown

MAX_BYTES = 1_000_000
MAX_DEPTH = 30

_NULL = frozenset(["", "~", "null", "Null", "NULL"])
_TRUE = frozenset(["true", "True", "TRUE"])
_FALSE = frozenset(["false", "False", "FALSE"])
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def load_yaml(text_or_path: str | os.PathLike[str], *, source: str) -> Any:
    """The value of one YAML document: dicts, lists, str, int, float, bool and None.

    Args:
        text_or_path: the YAML itself when it is a ``str``, the file to read when it is a path object.
        source: what the error messages call it.

    Raises:
        SpaceError: the file cannot be read, or the text is not the YAML described above; one line.
    """
    if isinstance(text_or_path, str):
        text = text_or_path
        if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise SpaceError(f"{source}: over {MAX_BYTES} bytes")
    else:
        text = _read(Path(text_or_path), source)
    try:
        return _Builder(text, source).document()
    except yaml.MarkedYAMLError as error:
        problem = " ".join(filter(None, [error.problem, error.context and f"({error.context})"]))
        raise _at(source, error.problem_mark or error.context_mark, f"not valid YAML: {problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - (text.rfind("\n", 0, error.position) + 1) + 1
        code = error.character if isinstance(error.character, int) else ord(error.character)
        message = f"character {code:#06x} is not allowed in YAML (is this a text file?)"
        raise SpaceError(f"{source}, line {line}, column {column}: {message}") from None
    except yaml.YAMLError as error:
        raise SpaceError(f"{source}: not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise SpaceError(f"{source}: nested too deeply") from None


def _read(path: Path, source: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise SpaceError(f"{source}: no such file: {shown(str(path))}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise SpaceError(f"{source}: cannot read {shown(str(path))}: {reason}") from None
    if len(data) > MAX_BYTES:
        raise SpaceError(f"{source}: over {MAX_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        message = f"not UTF-8 text: byte {data[error.start]:#04x}"
        raise SpaceError(f"{source}, line {line}, column {column}: {message}") from None


def _at(source: str, mark: Any, message: str) -> SpaceError:
    place = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
    return SpaceError(" ".join(f"{source}{place}: {message}".split()))


class _Builder:
    """Builds the value from the parser's events: PyYAML's parser does not recurse, and we stop early."""

    def __init__(self, text: str, source: str) -> None:
        self.loader: Any = yaml.SafeLoader(text.removeprefix("\ufeff"))
        self.source = source

    def document(self) -> Any:
        self._next(yaml.StreamStartEvent)
        if self.loader.check_event(yaml.StreamEndEvent):
            return None
        self._next(yaml.DocumentStartEvent)
        value = self._value(self.loader.get_event(), 0)
        self._next(yaml.DocumentEndEvent)
        end = self.loader.get_event()
        if not isinstance(end, yaml.StreamEndEvent):
            raise _at(self.source, end.start_mark, "a second document; one file holds one document")
        return value

    def _next(self, kind: type[yaml.Event]) -> None:
        event = self.loader.get_event()
        assert isinstance(event, kind), event

    def _value(self, event: Any, depth: int) -> Any:
        self._refuse_indirection(event)
        if depth > MAX_DEPTH:
            raise _at(self.source, event.start_mark, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Any] = []
            while not self.loader.check_event(yaml.SequenceEndEvent):
                items.append(self._value(self.loader.get_event(), depth + 1))
            self.loader.get_event()
            return items
        return self._mapping(depth)

    def _mapping(self, depth: int) -> dict[str, Any]:
        table: dict[str, Any] = {}
        while not self.loader.check_event(yaml.MappingEndEvent):
            event = self.loader.get_event()
            key = self._value(event, depth + 1)
            if not isinstance(key, str):
                raise _at(self.source, event.start_mark, f"a key must be text, got {shown(key)}; quote it")
            if key in table:
                raise _at(self.source, event.start_mark, f"the key {shown(key)} appears twice")
            table[key] = self._value(self.loader.get_event(), depth + 1)
        self.loader.get_event()
        return table

    def _refuse_indirection(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            raise _at(
                self.source,
                event.start_mark,
                f"aliases (*{event.anchor}) are not allowed; write the value out",
            )
        if event.anchor is not None:
            raise _at(
                self.source,
                event.start_mark,
                f"anchors (&{event.anchor}) are not allowed; write the value out",
            )
        if event.tag is not None:
            raise _at(self.source, event.start_mark, f"tags ({shown(event.tag)}) are not allowed")

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        text = event.value
        if event.style is not None:  # quoted or a block: always text
            return self._joined(event)
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if _NOT_FINITE.fullmatch(text):
            raise _at(self.source, event.start_mark, f"{text} is not a finite number")
        if _INTEGER.fullmatch(text) or _FLOAT.fullmatch(text):
            return self._number(event)
        return text

    def _joined(self, event: yaml.ScalarEvent) -> str:
        """The text with JSON's escaped surrogate pairs joined; half a pair could not be written to a file."""
        try:
            return event.value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise _at(self.source, event.start_mark, "half a surrogate pair is no character") from None

    def _number(self, event: yaml.ScalarEvent) -> int | float:
        try:
            value = int(event.value) if _INTEGER.fullmatch(event.value) else float(event.value)
        except ValueError:  # Python refuses integers of thousands of digits
            raise _at(self.source, event.start_mark, f"the number {shown(event.value)} is too long") from None
        if isinstance(value, float) and math.isinf(value):
            raise _at(self.source, event.start_mark, f"{shown(event.value)} is too large for a float")
        return value
