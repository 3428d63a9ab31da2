"""The air traffic networks of struc2vec."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loaders.node_files import node_dataset
from graph_distillery.bench.data.raw_files import RawFiles


def airports(name: str, raw: RawFiles, name_of: str) -> Dataset:
    """Airports of one region (`usa`, `brazil` or `europe`), numbered in the order of the file of labels, with one-hot
    numbers as features."""
    from torch_geometric.datasets import Airports

    files = [f"{name_of}-airports.edgelist", f"labels-{name_of}-airports.txt"]
    folder = raw.obtain(f"Airports/{name_of}/raw", files, lambda to: Airports(str(to / "Airports"), name_of))
    flights, told = (folder / file for file in files)
    raw.carriers = {"edges": flights, **dict.fromkeys(("nodes", "features", "labels", "classes"), told)}
    labels = _table(raw, told, 1)
    edges = _table(raw, flights, 0)
    order = np.argsort(labels[:, 0])
    ids = labels[order, 0]
    if len(np.unique(ids)) != len(ids):
        raise raw.damaged(told, "an airport has two lines")
    places = np.searchsorted(ids, edges).clip(max=len(ids) - 1)
    if not np.array_equal(ids[places], edges):
        unknown = int(edges[ids[places] != edges][0])
        raise raw.damaged(flights, f"it names airport {unknown}, which has no line in {told.name}")
    arcs = torch.from_numpy(order[places].T.copy())
    return node_dataset(name, torch.eye(len(ids)), arcs, torch.from_numpy(labels[:, 1]), undirected=True)


def _table(raw: RawFiles, path: Path, skipped: int) -> np.ndarray:
    """[lines, 2] whole numbers, of whole lines."""
    with raw.blame(path):
        if not path.read_bytes().endswith(b"\n"):
            raise ValueError("the last line is cut off")
        table = np.loadtxt(path, np.int64, skiprows=skipped, ndmin=2)
        if table.shape[1:] != (2,) or not len(table):
            raise ValueError(f"its table has shape {list(table.shape)}, not two columns")
    return table
