"""The error of this room, and its words. Every message is one line: where, what, the nearest valid name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from graph_distillery.near_names import literal_hint, unknown_line

if TYPE_CHECKING:
    from pydantic import ValidationError

_LONGEST = 80


class SpaceError(ValueError):
    """A search space, or a YAML file, that cannot be used. The message is one line."""


def shown(value: Any) -> str:
    """``value`` as it appears in a message: its repr on one line, cut to 80 characters; None as YAML has it."""
    if value is None:
        return "null"
    text = repr(value[: 2 * _LONGEST] if isinstance(value, str) else value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def unknown(kind: str, name: str, valid: Iterable[str], where: str) -> str:
    """One line for a name that does not exist.

    >>> unknown("field", "nmae", ["name", "kind"], "spec.yaml")
    "spec.yaml: unknown field 'nmae'; did you mean 'name'?"
    """
    return f"{where}: {unknown_line(kind, name, sorted(set(valid)))}"


def first_problem(error: ValidationError, where: str, fields_at: Callable[[tuple[Any, ...]], Iterable[str]]) -> str:
    """The first problem of a pydantic error as one line; before a missing field comes an unknown one beside it.

    ``fields_at(location)`` gives the field names that are valid in the table at ``location``; it serves the
    near miss of an unknown field.
    """
    problems = error.errors(include_url=False)
    problem = problems[0]
    if problem["type"] == "missing":  # misspelt, most likely
        table = problem["loc"][:-1]
        strangers = (p for p in problems if p["type"] == "extra_forbidden" and p["loc"][:-1] == table)
        problem = next(strangers, problem)
    location = problem["loc"]
    path = ".".join(text if (text := str(part)).isprintable() else repr(part) for part in location)
    if problem["type"] == "extra_forbidden":
        inside = ".".join(str(part) for part in location[:-1])
        return unknown("field", str(location[-1]), fields_at(location[:-1]), f"{where}: {inside}" if inside else where)
    if problem["type"] == "missing":
        inside = ".".join(str(part) for part in location[:-1])
        return f"{where}: {inside + ': ' if inside else ''}field {str(location[-1])!r} is missing"
    if problem["type"] in ("value_error", "assertion_error"):
        text = str(problem["ctx"]["error"])
    else:
        text = f"{problem['msg'][:1].lower()}{problem['msg'][1:]}, got {shown(problem['input'])}"
        if problem["type"] == "literal_error":
            text += literal_hint(problem["input"], problem["ctx"]["expected"])
    return " ".join(f"{where}: {path + ': ' if path else ''}{text}".split())
