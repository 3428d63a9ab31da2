"""The errors of this room: the user's input is wrong (exit code 2), or what carries the work is gone (1)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any


class UserError(ValueError):
    """One clear line: what is wrong, where, and the nearest valid name."""


class LostError(RuntimeError):
    """What carried the work out is gone, a cluster say; what was recorded stays, and the same command goes on."""


def unknown_line(kind: str, name: str, valid: Iterable[str]) -> str:
    """The one line for a name that is not there."""
    names = list(valid)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else "the valid ones are " + ", ".join(names)
    return f"unknown {kind} {name!r}; {hint}"


def value_line(error: Mapping[str, Any]) -> str:
    """What pydantic says of one value, with the nearest of the words that it may be."""
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "literal_error" and isinstance(error["input"], str):
        near = difflib.get_close_matches(error["input"], re.findall("'([^']*)'", error["ctx"]["expected"]), n=1)
        message += f"; did you mean {near[0]!r}?" if near else ""
    return message
