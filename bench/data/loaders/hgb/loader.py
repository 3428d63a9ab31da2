"""ACM, DBLP and IMDB as the Heterogeneous Graph Benchmark has them, as one graph of typed nodes and edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from graph_distillery.bench.data.dataset import Dataset, Indices
from graph_distillery.bench.data.edges import tidy_typed
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.loaders.hgb.raw import (
    FILES,
    Nodes,
    opener,
    read_kinds,
    read_labels,
    read_links,
    read_nodes,
)
from graph_distillery.bench.data.raw_files import RawFiles
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.data.splits import REDRAWN, redrawn
from graph_distillery.methods.contract.columns import TypeNames
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.tasks.registry import TASKS


def hgb(name: str, raw: RawFiles, folder: str) -> Dataset:
    """One of Lv et al.'s sets (KDD 2021), from PyG's raw files or the archive that they come in.

    Nodes keep their order, by type, the labelled type first. `label.dat.test_full`, whose labels are random, is never
    read.
    """
    place, carriers = _obtain(raw, folder)
    raw.carriers = carriers
    read = opener(place, folder.upper())
    with raw.blame(carriers["kinds"]), read(FILES[0]) as file:
        kinds = read_kinds(file)
    with raw.blame(carriers["nodes"]), read(FILES[1]) as file:
        nodes = read_nodes(file, kinds)
    with raw.blame(carriers["edges"]), read(FILES[2]) as file:
        arcs, kind = read_links(file, kinds, nodes.types)
    labels: dict[str, dict[int, list[int]]] = {}
    for part in FILES[3:]:
        with raw.blame(carriers[part]), read(part) as file:
            labels[part] = dict(read_labels(file, kinds, nodes.types))
    if (np.diff(nodes.types) < 0).any():
        raise DataFault("nodes", "the nodes do not stand by type")
    info = DATASETS.get(name)
    targets, split = _labelled(labels, nodes, TASKS.get(info.task).labels == "set", kinds.classes)
    tidied, types = tidy_typed(torch.from_numpy(arcs), torch.from_numpy(kind), nodes.types.size)
    graph = Graph.build(
        typed_features(nodes),
        tidied.edge_index,
        None,
        {"type": torch.from_numpy(nodes.types)},
        {"type": types},
        types=TypeNames(kinds.nodes, kinds.edges),
    )
    counts = (tidied.self_loops, tidied.repeats)
    splits = {REDRAWN: [split]}
    return Dataset.build(name, info.task, info.metric, graph, targets, kinds.classes, splits, None, *counts)


def typed_features(nodes: Nodes) -> SparseMatrix:
    """[nodes, columns of all types side by side]: one linear map of it is a map of its own for each type.

    A type without features has a column for each of its nodes, as HGB's code has it.
    """
    counts = np.bincount(nodes.types, minlength=nodes.widths.size)
    widths = np.where(nodes.widths > 0, nodes.widths, counts)
    first = np.cumsum(widths) - widths
    bare = np.flatnonzero(nodes.widths[nodes.types] == 0)
    start = np.cumsum(counts) - counts
    rows = np.concatenate([nodes.rows, bare])
    columns = np.concatenate([nodes.columns, bare - start[nodes.types[bare]]]) + first[nodes.types[rows]]
    values = np.concatenate([nodes.values, np.ones(bare.size, np.float32)])
    shape = (nodes.types.size, int(widths.sum()))
    entries = torch.from_numpy(rows), torch.from_numpy(columns), torch.from_numpy(values)
    return SparseMatrix.from_entries(*entries, shape)


def _labelled(
    labels: dict[str, dict[int, list[int]]], nodes: Nodes, many: bool, classes: int
) -> tuple[Tensor, Indices]:
    """Labels of the first type's nodes, [nodes] with -1 where there is none or [nodes, classes], and the lists of
    training and test as a split, whose validation part another seed draws anew."""
    count = int((nodes.types == 0).sum())
    listed, test = (torch.tensor(sorted(labels[part]), dtype=torch.long) for part in FILES[3:])
    for nodes_listed in (listed, test):
        if not nodes_listed.numel():
            raise DataFault("labels", "a list of labels is empty")
        if int(nodes_listed.max()) >= count:
            raise DataFault("labels", f"node {int(nodes_listed.max()):,} has a label and is not of the first type")
    both = set(labels[FILES[3]]) & set(labels[FILES[4]])
    if both:
        raise DataFault(f"split {REDRAWN}", f"node {min(both):,} is in the training and in the test list")
    found = torch.zeros(count, classes) if many else torch.full((count,), -1)
    for part in FILES[3:]:
        for node, told in labels[part].items():
            if not many and len(told) > 1:
                raise DataFault("labels", f"node {node:,} has {len(told)} labels, and the task is of one")
            if many:
                found[node, told] = 1
            else:
                found[node] = told[0]
    train, val, _ = redrawn((listed, listed[:0], test), 0)
    return found, (torch.from_numpy(train).sort().values, torch.from_numpy(val).sort().values, test)


def _obtain(raw: RawFiles, folder: str) -> tuple[Path, dict[str, Path]]:
    """The folder or the archive, and which file each count comes from."""
    plain, packed, archive = (
        f"HGBDataset/{folder}/raw/{folder.upper()}",
        f"HGBDataset/{folder}/source",
        f"{folder.upper()}.zip",
    )
    if not raw.has(plain, FILES) and raw.has(packed, [archive]):
        place = raw.obtain(packed, [archive]) / archive
        found = dict.fromkeys(FILES, place)
    else:
        place = raw.obtain(plain, FILES, lambda to: _download(to, folder))
        found = {name: place / name for name in FILES}
    info, nodes, links, labels, test = (found[name] for name in FILES)
    nouns = {"kinds": info, "classes": info, "nodes": nodes, "features": nodes, "edges": links, "columns": links}
    return place, {**found, **nouns, "labels": labels, f"split {REDRAWN}": test}


def _download(to: Path, folder: str) -> None:
    from torch_geometric.datasets import HGBDataset

    HGBDataset(str(to / "HGBDataset"), folder)
