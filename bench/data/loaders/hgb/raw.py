"""HGB's text files as arrays, from a folder or straight out of the archive that the benchmark ships."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from graph_distillery.bench.data.faults import DataFault

FILES = ("info.dat", "node.dat", "link.dat", "label.dat", "label.dat.test")
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Kinds:
    """What `info.dat` says: names of node types, of edge types with both ends' node types, and of classes."""

    nodes: tuple[str, ...]
    edges: tuple[str, ...]
    ends: Ints
    classes: int


@dataclass(frozen=True)
class Nodes:
    """types: [nodes]; rows, columns, values: the entries of their features that are not 0; widths: [types], 0 where
    nodes of the type have none."""

    types: Ints
    rows: Ints
    columns: Ints
    values: NDArray[np.float32]
    widths: Ints


def opener(place: Path, folder: str) -> Callable[[str], IO[bytes]]:
    """What opens a file by its name, in a folder or in a zip archive (under `folder`)."""
    if place.suffix != ".zip":
        return lambda name: (place / name).open("rb")
    archive = zipfile.ZipFile(place)
    return lambda name: archive.open(f"{folder}/{name}")


def read_kinds(file: IO[bytes]) -> Kinds:
    """Raises ValueError, KeyError or DataFault where it is not such a file."""
    told: dict[str, Any] = json.load(file)
    nodes = _in_order(told["node.dat"]["node type"], "node type")
    links = _in_order(told["link.dat"]["link type"], "link type")
    classes = _in_order(next(iter(told["label.dat"]["node type"].values())), "class")
    ends = np.array([[int(link["start"]), int(link["end"])] for link in links], np.int64)
    names = tuple(
        f"{nodes[one]}-{_verb(link['meaning'])}{nodes[other]}" for link, (one, other) in zip(links, ends, strict=True)
    )
    return Kinds(tuple(nodes), names, ends, len(classes))


def _verb(meaning: str) -> str:
    """The middle of `paper-cite-paper`; nothing of `paper-author`."""
    parts = meaning.replace("->", "-").split("-")
    return f"{parts[1]}-" if len(parts) == 3 else ""


def _in_order(named: dict[str, Any], noun: str) -> list[Any]:
    if sorted(map(int, named)) != list(range(len(named))):
        raise DataFault("nodes", f"info.dat: the numbers of the {noun}s are {', '.join(named)}")
    return [named[key] for key in sorted(named, key=int)]


def read_nodes(file: IO[bytes], kinds: Kinds) -> Nodes:
    """`node.dat`: number, name, type, and features by commas where the type has some.

    Raises:
        DataFault: a node out of order, of no type, or with more or fewer features than the first of its type.
    """
    types: list[int] = []
    widths = np.full(len(kinds.nodes), -1, np.int64)
    rows, columns, values = [], [], []
    for number, line in enumerate(file):
        parts = line.rstrip(b"\r\n").split(b"\t")
        if len(parts) < 3 or int(parts[0]) != number:
            raise DataFault("nodes", f"line {number + 1:,} of node.dat is not that of node {number:,}")
        kind = int(parts[2])
        if not 0 <= kind < len(kinds.nodes):
            raise DataFault("nodes", f"node {number:,} is of type {kind}; types are 0 to {len(kinds.nodes) - 1}")
        types.append(kind)
        told = np.array(parts[3].split(b",") if len(parts) > 3 and parts[3] else [], dtype=bytes)
        if widths[kind] < 0:
            widths[kind] = told.size
        if told.size != widths[kind]:
            raise DataFault(
                "features",
                f"node {number:,} has {told.size:,} features; the first {kinds.nodes[kind]} has {widths[kind]:,}",
            )
        if told.size:
            stored = np.flatnonzero((told != b"0") & (told != b"0.0"))
            columns.append(stored)
            values.append(told[stored].astype(np.float64).astype(np.float32))
            rows.append(np.full(stored.size, number, np.int64))
    joined = [np.concatenate(each) if each else np.empty(0) for each in (rows, columns, values)]
    return Nodes(
        np.array(types, np.int64), joined[0].astype(np.int64), joined[1].astype(np.int64), joined[2].astype(np.float32),
        np.maximum(widths, 0),
    )  # fmt: skip


def read_links(file: IO[bytes], kinds: Kinds, types: Ints) -> tuple[Ints, Ints]:
    """`link.dat`: source, target, type and a weight, which is 1; [2, links] and their types, [links].

    Raises:
        DataFault: an end that is no node, or not of the type that the link's type says; a weight that is not 1.
    """
    table = np.loadtxt(file, np.float64, delimiter="\t", ndmin=2)
    if table.size and table.shape[1] != 4:
        raise DataFault("edges", f"link.dat has {table.shape[1]} columns, not 4")
    arcs, kind = table[:, :2].T.astype(np.int64), table[:, 2].astype(np.int64)
    for wrong, why in (
        (((arcs < 0) | (arcs >= types.size)).any(axis=0), "joins nodes {0} and {1}, but the nodes are 0 to {2}"),
        ((kind < 0) | (kind >= len(kinds.edges)), "between nodes {0} and {1} is of a type that info.dat does not name"),
        (table[:, 3] != 1, "between nodes {0} and {1} has another weight than 1"),
    ):
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            raise DataFault("edges", f"edge {first:,} " + why.format(*arcs[:, first], types.size - 1))
    astray = (types[arcs] != kinds.ends[kind].T).any(axis=0)
    if astray.any():
        first = int(np.flatnonzero(astray)[0])
        one, other = (kinds.nodes[types[end]] for end in arcs[:, first])
        why = f"edge {first:,} is of type {kinds.edges[kind[first]]!r} and joins a {one} and a {other}"
        raise DataFault("edges", why)
    return arcs, kind


def read_labels(file: IO[bytes], kinds: Kinds, types: Ints) -> Iterator[tuple[int, list[int]]]:
    """`label.dat`: number, name, type and classes by commas; yields each node and its classes.

    Raises:
        DataFault: a node that is not there, of another type than it says, or told twice, or a class out of range.
    """
    seen: set[int] = set()
    for line in file:
        number, _, kind, told = line.rstrip(b"\r\n").split(b"\t")
        node = int(number)
        if not 0 <= node < types.size:
            raise DataFault("labels", f"a label is given to node {node}; the nodes are 0 to {types.size - 1:,}")
        if types[node] != int(kind):
            raise DataFault("labels", f"node {node:,} is of type {types[node]}, and its label says {int(kind)}")
        if node in seen:
            raise DataFault("labels", f"node {node:,} has two lines of labels in one file")
        seen.add(node)
        classes = [int(each) for each in told.split(b",")]
        if any(not 0 <= each < kinds.classes for each in classes):
            raise DataFault("labels", f"node {node:,} has label {told.decode()}; there are {kinds.classes} classes")
        yield node, classes
