"""How knowledge is transferred: the registry of methods, their contract, and a folder per method."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo
from graph_distillery.methods.registry import DuplicateNameError, Registry, UnknownNameError, walk

#: Entry-point group by which third-party packages add methods.
ENTRY_POINT_GROUP = "graph_distillery.methods"

METHODS: Registry[MethodInfo] = Registry("method", lambda: walk("graph_distillery.methods"), ENTRY_POINT_GROUP)

__all__ = ["ENTRY_POINT_GROUP", "METHODS", "DuplicateNameError", "MethodInfo", "Registry", "UnknownNameError"]
