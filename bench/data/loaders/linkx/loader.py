"""Facebook100 and Genius from the MATLAB files of LINKX."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from graph_distillery.bench.data.dataset import Dataset, Indices
from graph_distillery.bench.data.edges import tidy
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.loaders.node_files import node_dataset
from graph_distillery.bench.data.raw_files import RawFiles
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.methods.contract.graph import Graph

FILE, SPLITS = "data.mat", "fb100-Penn94-splits.npy"
#: The column of a user's record that is to be told: 1 and 2, and 0 where it is unknown.
_GENDER = 1


def friends(name: str, raw: RawFiles) -> Dataset:
    """One university of Facebook100 (Traud et al., 2012) as LINKX has it (Lim et al., NeurIPS 2021); penn94 with its
    five published splits, called `public`."""
    public = [SPLITS] if "public" in DATASETS.get(name).splits else []
    path = _obtain(name, raw, public)
    with raw.blame(path):
        matrix, table = _fields(path, "A", "local_info")
        entries, table = matrix.tocoo(), np.asarray(table).astype(np.int64)
        if table.ndim != 2 or len(table) != entries.shape[0] or entries.shape[0] != entries.shape[1]:
            raise ValueError(f"{len(table):,} users' records for a matrix of {list(entries.shape)}")
    columns = [_one_hot(table[:, column]) for column in range(table.shape[1]) if column != _GENDER]
    arcs = torch.from_numpy(np.stack([entries.row, entries.col]).astype(np.int64))
    labels = torch.from_numpy(table[:, _GENDER] - 1)
    tidied, info = tidy(arcs, len(table)), DATASETS.get(name)
    graph, counts = Graph.build(torch.cat(columns, 1), tidied.edge_index), (tidied.self_loops, tidied.repeats)
    splits = {"public": _splits(raw, path.parent / SPLITS)} if public else {}
    return Dataset.build(name, info.task, info.metric, graph, labels, 2, splits, None, *counts)


def genius(name: str, raw: RawFiles) -> Dataset:
    """Users of genius.com, some of them marked (Lim and Benson, 2021)."""
    path = _obtain(name, raw, [])
    with raw.blame(path):
        edges, features, labels = (np.asarray(each) for each in _fields(path, "edge_index", "node_feat", "label"))
    labels = labels.reshape(-1)
    if len(labels) != len(features):
        raise DataFault("labels", f"{len(labels):,} labels for {len(features):,} rows of features")
    arcs = torch.from_numpy(edges.astype(np.int64))
    return node_dataset(name, torch.from_numpy(features), arcs, torch.from_numpy(labels), undirected=True)


def _obtain(name: str, raw: RawFiles, more: list[str]) -> Path:
    from torch_geometric.datasets import LINKXDataset

    folder = raw.obtain(
        f"LINKXDataset/{name}/raw", [FILE, *more], lambda to: LINKXDataset(str(to / "LINKXDataset"), name)
    )
    raw.carriers = dict.fromkeys(("nodes", "edges", "features", "labels", "classes"), folder / FILE)
    return folder / FILE


def _fields(path: Path, *names: str) -> list[Any]:
    from scipy.io import loadmat

    found = loadmat(path)
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(f"it has no field {missing[0]!r}")
    return [found[name] for name in names]


def _one_hot(values: np.ndarray) -> torch.Tensor:
    _, number = np.unique(values, return_inverse=True)
    return torch.eye(int(number.max()) + 1)[torch.from_numpy(number.reshape(-1))]


def _splits(raw: RawFiles, path: Path) -> list[Indices]:
    """Of an array of mappings from `train`, `valid` and `test` to numbers of nodes."""
    raw.carriers["split public"] = path
    with raw.blame(path), path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, _, kind = np.lib.format.read_array_header_1_0(file)
        if kind != np.dtype(object) or len(shape) != 1:
            raise ValueError(f"it holds {kind} of shape {list(shape)}, not a list of splits")
        choices = _Numbers(file).load()
        return [
            (_numbers(choice["train"]), _numbers(choice["valid"]), _numbers(choice["test"]))
            for choice in choices.tolist()
        ]


def _numbers(told: Any) -> torch.Tensor:
    return torch.from_numpy(np.asarray(told, np.int64)).sort().values


class _Numbers(pickle.Unpickler):
    """NumPy keeps lists of mappings as a pickle, of which nothing but arrays of numbers is let in."""

    _KNOWN = ("_reconstruct", "ndarray", "dtype", "scalar")

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] != "numpy" or name not in self._KNOWN:
            raise pickle.UnpicklingError(f"it holds a {module}.{name}")
        return super().find_class(module, name)
