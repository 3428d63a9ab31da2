"""Spaces of names that stand in no list, such as `pyg:GAT`: whoever knows the family says what may be tuned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: By kind and what stands before the colon: what gives, for a whole name, the content of its YAML file.
FAMILIES: dict[tuple[str, str], Callable[[str], dict[str, Any]]] = {}


def register_family(kind: str, prefix: str, make: Callable[[str], dict[str, Any]]) -> None:
    """Have spaces of `prefix:...` made by `make`."""
    FAMILIES[kind, prefix] = make
