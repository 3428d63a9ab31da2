"""Converted datasets on disk: one safetensors file each, written whole and checked when read."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.methods.contract.columns import Columns, TypeNames
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix

#: Raised whenever a loader makes something else of the same raw files.
VERSION = 2


def write(path: Path, dataset: Dataset) -> None:
    """Store a dataset; readers see the old file or the new one, never a part."""
    text, tensors = _written(dataset)
    body = save(tensors, {"dataset": text, "check": _check(text, tensors)})
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(body)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def exact_sha256(dataset: Dataset) -> str:
    """A hash of a dataset as it is stored: of the order of its arcs and the storage of its features too, which its
    `sha256` leaves out and on which the last bits of a sum hang."""
    return _check(*_written(dataset))


def _written(dataset: Dataset) -> tuple[str, dict[str, Tensor]]:
    """What a file says of a dataset, and its tensors."""
    tensors = {key: value.contiguous() for key, value in _tensors(dataset).items()}
    about = {
        "name": dataset.name,
        "task": dataset.task,
        "metric": dataset.metric,
        "num_classes": dataset.num_classes,
        "features_shape": list(dataset.graph.features.shape),
        "sha256": dataset.sha256,
        "node_order_sha256": dataset.node_order_sha256,
        "self_loops": dataset.self_loops,
        "repeats": dataset.repeats,
        "fixed_splits": {name: len(choices) for name, choices in dataset.fixed_splits.items()},
    }
    if dataset.graph.types is not None:
        about["types"] = {"nodes": dataset.graph.types.nodes, "edges": dataset.graph.types.edges}
    return json.dumps(about, sort_keys=True), tensors


def read(path: Path) -> Dataset | None:
    """The stored dataset; None where there is none, or where it is not what was written."""
    try:
        with safe_open(path, framework="pt") as stored:
            metadata = stored.metadata() or {}
            tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118 - not a mapping
        text = metadata["dataset"]
        if metadata["check"] != _check(text, tensors):
            return None
        return _dataset(json.loads(text), tensors)
    except (OSError, SafetensorError, KeyError, ValueError):
        return None


def counted(path: Path) -> tuple[int, int] | None:
    """Self-loops and repeated arcs that the stored dataset's source lists; reads no tensor. None as for `read`."""
    try:
        with safe_open(path, framework="np") as stored:
            about = json.loads((stored.metadata() or {})["dataset"])
        return int(about["self_loops"]), int(about["repeats"])
    except (OSError, SafetensorError, KeyError, ValueError):
        return None


def _tensors(dataset: Dataset) -> dict[str, Tensor]:
    graph = dataset.graph
    out = {
        "edge_index": _narrow(graph.edge_index),
        "graph_pointers": graph.graph_pointers,
        "labels": dataset.labels,
        "unlabelled": dataset.unlabelled,
    }
    if isinstance(graph.features, Tensor):
        out["features"] = graph.features
    else:
        out["features.row_pointers"] = graph.features.row_pointers
        out["features.columns"] = _narrow(graph.features.columns)
        out["features.values"] = graph.features.values
    if graph.pairs is not None:
        out["pairs"] = graph.pairs
    for noun, columns in _columns(graph).items():
        out |= {f"{noun}.{name}": column for name, column in columns.items()}
    for name, choices in dataset.fixed_splits.items():
        for number, parts in enumerate(choices):
            for part, items in zip(("train", "val", "test"), parts, strict=True):
                out[f"splits.{name}.{number}.{part}"] = _narrow(items)
    return out


def _dataset(about: dict[str, Any], tensors: dict[str, Tensor]) -> Dataset:
    if "features" in tensors:
        features: Tensor | SparseMatrix = tensors["features"]
    else:
        rows, columns = about["features_shape"]
        columns_of_entries = tensors["features.columns"].long()
        pointers, values = tensors["features.row_pointers"], tensors["features.values"]
        features = SparseMatrix(pointers, columns_of_entries, values, (rows, columns))
    splits = {
        name: [
            (
                tensors[f"splits.{name}.{number}.train"].long(),
                tensors[f"splits.{name}.{number}.val"].long(),
                tensors[f"splits.{name}.{number}.test"].long(),
            )
            for number in range(count)
        ]
        for name, count in about["fixed_splits"].items()
    }
    types = {noun: tuple(names) for noun, names in about.get("types", {}).items()}
    graph = Graph(features, tensors["edge_index"].long(), tensors["graph_pointers"])
    columns = {
        noun: {key.removeprefix(f"{noun}."): value for key, value in tensors.items() if key.startswith(f"{noun}.")}
        for noun in _columns(graph)
    }
    return Dataset(
        name=about["name"],
        task=about["task"],
        metric=about["metric"],
        graph=replace(graph, **columns, types=TypeNames(**types) if types else None, pairs=tensors.get("pairs")),
        labels=tensors["labels"],
        num_classes=about["num_classes"],
        sha256=about["sha256"],
        node_order_sha256=about["node_order_sha256"],
        fixed_splits=splits,
        unlabelled=tensors["unlabelled"],
        self_loops=about["self_loops"],
        repeats=about["repeats"],
    )


def _columns(graph: Graph) -> dict[str, Columns]:
    """The columns of nodes, edges and graphs, by the names of their fields."""
    nouns = ("node_columns", "edge_columns", "graph_columns")
    return {noun: getattr(graph, noun) for noun in nouns}


def _narrow(indices: Tensor) -> Tensor:
    """Half the size on disk; no dataset here has 2^31 nodes."""
    return indices.int()


def _check(text: str, tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(text.encode())
    for key in sorted(tensors):
        tensor = tensors[key]
        digest.update(f"{key} {tensor.dtype} {list(tensor.shape)};".encode())
        if tensor.numel():
            digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
