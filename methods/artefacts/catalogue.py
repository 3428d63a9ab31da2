"""The registry of artefacts. Listing them loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graph_distillery.methods.registry import Registry, walk

#: Entry-point group by which third-party packages add artefacts.
ENTRY_POINT_GROUP = "graph_distillery.artefacts"


@dataclass(frozen=True)
class ArtefactInfo:
    """What there is to know of an artefact before it is made.

    target: a class with the two functions of `methods.contract.ArtefactMaker`.
    columns: those of its tensors that have a row for each node; they are node columns, of these names, of every graph
        that a method sees.
    settings: name -> published value. Hyperparameters of the same names, where the method has them, stand over these;
        what else a configuration holds changes nothing of the artefact, so that its trials share one.
    own_nodes: its rows mean something only beside those that it was made with, so that a saved student carries them
        (positions in a space of their own); otherwise it can be made anew of any graph.
    version: part of the artefact's id; raised when the same input gives other numbers.
    """

    name: str
    title: str
    paper: str
    venue: str
    year: int
    url: str
    target: str
    columns: tuple[str, ...]
    settings: Mapping[str, Any]
    version: int = 1
    own_nodes: bool = False


ARTEFACTS: Registry[ArtefactInfo] = Registry(
    "artefact", lambda: walk("graph_distillery.methods.artefacts"), ENTRY_POINT_GROUP
)
