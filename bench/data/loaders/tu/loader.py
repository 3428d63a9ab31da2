"""Graph classification sets of TUDataset (Morris et al., 2020), one disjoint union each.

Node attributes and edge labels are left out, as in PyG's default: features are one-hot node labels. The
social networks have none; they get their degree instead, one-hot for imdb-binary and collab (as in GIN, Xu
et al., ICLR 2019) and one-hot of the number of binary digits of the degree for reddit-binary, whose degrees
reach the thousands.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.edges import tidy
from graph_distillery.bench.data.loaders.tu.degree_features import binary_digits, one_hot
from graph_distillery.bench.data.loaders.tu.folds import published_folds
from graph_distillery.bench.data.raw_files import MissingFilesError, RawFiles
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix

#: The parts of a TU set whose lines must be as many as those of another.
LINES_AS = {"node_labels": "graph_indicator", "node_attributes": "graph_indicator"}


def tu(
    name: str,
    raw: RawFiles,
    title: str,
    parts: Sequence[str] = ("A", "graph_indicator", "graph_labels", "node_labels"),
    degree: Literal["", "one-hot", "digits"] = "",
) -> Dataset:
    """A set in the TU text format; `parts` are the files to read, `degree` makes features of the degree."""
    from torch_geometric.datasets import TUDataset
    from torch_geometric.io import read_tu_data

    files = [f"{title}_{part}.txt" for part in parts]
    folder = raw.obtain(f"TUDataset/{title}/raw", files, lambda to: TUDataset(str(to / "TUDataset"), title))
    paths = {part: folder / file for part, file in zip(parts, files, strict=True)}
    edges = _check(raw, paths)
    with raw.blame(folder):
        with TemporaryDirectory(dir=raw.root) as alone:
            # PyG's reader takes every file of the set that it finds, so show it only what is wanted.
            for path in paths.values():
                (Path(alone) / path.name).symlink_to(path)
            data, _, sizes = read_tu_data(alone, title)
        pointers = _pointers(paths["graph_indicator"])
        given = None if data.x is None else data.x[:, sizes["num_node_attributes"] :]
    return _dataset(name, raw, edges, pointers, data.y, given, degree)


def collab(name: str, raw: RawFiles) -> Dataset:
    """COLLAB: the TU files where they are, else the packed GIN text (`source/COLLAB.zip` of a mirror)."""
    parts = ("A", "graph_indicator", "graph_labels")
    raw_place, packed_place = "TUDataset/COLLAB/raw", "TUDataset/COLLAB/source"
    if raw.has(raw_place, [f"COLLAB_{part}.txt" for part in parts]):
        return tu(name, raw, "COLLAB", parts, "one-hot")
    try:
        path = raw.obtain(packed_place, ["COLLAB.zip"]) / "COLLAB.zip"
    except MissingFilesError:
        return tu(name, raw, "COLLAB", parts, "one-hot")
    raw.carriers = dict.fromkeys(("graphs", "nodes", "edges", "classes", "features"), path)
    with raw.blame(path), zipfile.ZipFile(path) as archive:
        edges, pointers, labels = read_gin_text(archive.read("COLLAB/COLLAB.txt"))
    return _dataset(name, raw, edges, pointers, labels, None, "one-hot")


def read_gin_text(body: bytes) -> tuple[Tensor, Tensor, Tensor]:
    """Edges ([2, arcs]), graph pointers and labels from the text format of GIN and DGCNN.

    The number of graphs; then for each graph `nodes label`, and for each node `tag degree neighbour...`,
    neighbours numbered within the graph.

    Raises:
        ValueError: the text ends early, goes on too long, or names a node that is not there.
    """
    numbers = np.array(body.split(), dtype=np.int64)
    if not len(numbers):
        raise ValueError("the file is empty")
    at, sizes, labels, starts, degrees = 1, [0], [], [], []
    for _ in range(int(numbers[0])):
        size, label = numbers[at : at + 2].tolist()
        sizes.append(size)
        labels.append(label)
        at += 2
        for _ in range(size):
            count = int(numbers[at + 1])
            starts.append(at + 2)
            degrees.append(count)
            at += 2 + count
    if at != len(numbers):
        raise ValueError(f"{len(numbers)} numbers where its counts say {at}")
    pointers = np.cumsum(np.array(sizes, np.int64))
    degree = np.array(degrees, np.int64)
    source = np.repeat(np.arange(len(degree)), degree)
    within = np.arange(len(source)) - np.repeat(np.cumsum(degree) - degree, degree)
    neighbour = numbers[np.repeat(np.array(starts, np.int64), degree) + within]
    graph = np.repeat(np.arange(len(labels)), np.diff(pointers))[source]
    if len(neighbour) and not np.all((neighbour >= 0) & (neighbour < np.diff(pointers)[graph])):
        raise ValueError("a neighbour is numbered beyond its graph")
    edges = np.stack([source, neighbour + pointers[:-1][graph]])
    return torch.from_numpy(edges), torch.from_numpy(pointers), torch.tensor(labels)


def _dataset(
    name: str, raw: RawFiles, edges: Tensor, pointers: Tensor, labels: Tensor, given: Tensor | None, degree: str
) -> Dataset:
    nodes = int(pointers[-1])
    tidied = tidy(edges, nodes)
    edge_index = tidied.edge_index
    features: Tensor | SparseMatrix
    if given is not None and given.shape[1]:
        features = given.float()
    else:
        degrees = torch.bincount(edge_index[0], minlength=nodes)
        features = one_hot(degrees) if degree == "one-hot" else one_hot(binary_digits(degrees))
    info = DATASETS.get(name)
    graph = Graph.build(features, edge_index, pointers)
    return Dataset.build(
        name,
        info.task,
        info.metric,
        graph,
        labels,
        int(labels.max()) + 1,
        published_folds(info, raw, len(labels)),
        self_loops=tidied.self_loops,
        repeats=tidied.repeats,
    )


def _pointers(indicator: Path) -> Tensor:
    graphs = np.loadtxt(indicator, dtype=np.int64, ndmin=1)
    if np.any(np.diff(graphs) < 0):
        raise ValueError("graphs are not in order")
    return torch.cumsum(torch.bincount(torch.from_numpy(graphs)), 0)


def _check(raw: RawFiles, paths: dict[str, Path]) -> Tensor:
    """Every part ends with a whole line, and what the parts say of each other holds; the [2, arcs] edges, nodes
    numbered from 0."""
    bodies = {}
    for part, path in paths.items():
        with raw.blame(path):
            bodies[part] = path.read_bytes()
            if not bodies[part].endswith(b"\n"):
                raise raw.damaged(path, "the last line is cut off" if bodies[part] else "it is empty")
    lines = {part: body.count(b"\n") for part, body in bodies.items()}
    for part, other in LINES_AS.items():
        if part in lines and lines[part] != lines[other]:
            shorter, longer = sorted((part, other), key=lines.__getitem__)
            why = f"{lines[shorter]:,} lines, {paths[longer].name} has {lines[longer]:,}"
            raise raw.damaged(paths[shorter], why)
    with raw.blame(paths["graph_indicator"]):
        indicator = bodies["graph_indicator"].splitlines()
        first_graph, last_graph = int(indicator[0]), int(indicator[-1])
    if first_graph != 1:
        raise raw.damaged(paths["graph_indicator"], f"it begins with graph {first_graph}, not 1")
    if last_graph < lines["graph_labels"]:
        raise raw.damaged(paths["graph_indicator"], f"it ends with graph {last_graph:,}, not {lines['graph_labels']:,}")
    if last_graph > lines["graph_labels"]:
        raise raw.damaged(paths["graph_labels"], f"{lines['graph_labels']:,} labels for {last_graph:,} graphs")
    with raw.blame(paths["A"]):
        edges = np.loadtxt(paths["A"], np.int64, delimiter=",", ndmin=2)
    if edges.max() > lines["graph_indicator"]:
        why = f"{lines['graph_indicator']:,} nodes, {paths['A'].name} has node {edges.max():,}"
        raise raw.damaged(paths["graph_indicator"], why)
    if edges.min() < 1:
        line = int(np.flatnonzero((edges < 1).any(axis=1))[0]) + 1
        raise raw.damaged(paths["A"], f"line {line:,} names node {edges.min()}; they are numbered from 1")
    raw.carriers = {"nodes": paths["graph_indicator"], "edges": paths["A"], "graphs": paths["graph_labels"]}
    raw.carriers["classes"] = paths["graph_labels"]
    raw.carriers["labels"] = paths["graph_labels"]
    raw.carriers["features"] = paths.get("node_labels", paths["A"])
    return torch.from_numpy(edges - 1).T
