"""The errors of this room: the user's input is wrong (exit code 2), or what carries the work is gone (1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graph_distillery.near_names import literal_hint


class UserError(ValueError):
    """One clear line: what is wrong, where, and the nearest valid name."""


class LostError(RuntimeError):
    """What carried the work out is gone, a cluster say; what was recorded stays, and the same command goes on."""


def value_line(error: Mapping[str, Any]) -> str:
    """What pydantic says of one value, with the nearest of the words that it may be."""
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "literal_error":
        message += literal_hint(error["input"], error["ctx"]["expected"])
    return message
