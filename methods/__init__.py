"""How knowledge is transferred: the registry of methods, their contract, and a folder per method."""

from __future__ import annotations

from collections.abc import Iterator

from graph_distillery.methods.artefacts.catalogue import ArtefactInfo
from graph_distillery.methods.info import MethodInfo
from graph_distillery.methods.registry import Broken, DuplicateNameError, Registry, UnknownNameError, walk

#: Entry-point group by which third-party packages add methods.
ENTRY_POINT_GROUP = "graph_distillery.methods"


def _methods() -> Iterator[MethodInfo | Broken]:
    """Every folder's but those of the artefacts, which have a registry of their own."""
    return (found for found in walk("graph_distillery.methods") if not isinstance(found, ArtefactInfo))


METHODS: Registry[MethodInfo] = Registry("method", _methods, ENTRY_POINT_GROUP)


__all__ = ["ENTRY_POINT_GROUP", "METHODS", "DuplicateNameError", "MethodInfo", "Registry", "UnknownNameError"]
