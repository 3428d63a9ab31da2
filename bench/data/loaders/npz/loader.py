"""Graphs that come as one `.npz` file each, without a published split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.edges import check_ends
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.loaders.node_files import node_dataset
from graph_distillery.bench.data.raw_files import RawFiles, check_npz


def npz_graph(name: str, raw: RawFiles, family: str, title: str, file: str) -> Dataset:
    """Coauthor, Amazon (Shchur et al., 2018) or CitationFull (Bojchevski and Günnemann, ICLR 2018)."""
    from torch_geometric import datasets

    maker = getattr(datasets, family)
    folder_name = title.lower() if family == "CitationFull" else title
    place = f"{family}/{folder_name}/raw"
    folder = raw.obtain(place, [file], lambda to: maker(str(to / family), title))
    check_npz(raw, folder / file)
    raw.carriers = dict.fromkeys(("nodes", "edges", "features", "labels", "classes"), folder / file)
    edges, labels = _edges_and_labels(raw, folder / file)
    with raw.blame(folder / file):
        data = maker(str(raw.root / family), title, force_reload=True)[0]
    return node_dataset(name, data.x, edges, labels, undirected=True)


def _edges_and_labels(raw: RawFiles, path: Path) -> tuple[Tensor, Tensor]:
    """[2, arcs] and [nodes] as the file lists them.

    Faults that reading would hide are told here: SciPy does not look at entries outside of their matrix, and PyG makes
    a one of every positive feature, infinite ones too.
    """
    with raw.blame(path), np.load(path) as archive:
        edges, rows, nodes = _entries(archive["adj_indptr"], archive["adj_indices"], archive["adj_shape"])
        entries, _, width = _entries(archive["attr_indptr"], archive["attr_indices"], archive["attr_shape"])
        values, labels = archive["attr_data"], torch.from_numpy(archive["labels"])
    if rows != nodes:
        raise DataFault("edges", f"the adjacency matrix has {rows:,} rows and {nodes:,} columns")
    check_ends(edges, nodes)
    outside = entries[1][(entries[1] < 0) | (entries[1] >= width)]
    if outside.numel():
        raise DataFault("features", f"a feature stands in column {int(outside[0]):,} of {width:,}")
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        node, column = entries[:, wrong[0]].tolist()
        raise DataFault("features", f"node {node:,} has {values[wrong[0]]} as feature {column:,}")
    return edges, labels


def _entries(pointers: NDArray[Any], columns: NDArray[Any], shape: NDArray[Any]) -> tuple[Tensor, int, int]:
    """Row and column of every entry of a matrix in compressed rows, and its shape."""
    rows, width = (int(size) for size in shape)
    if len(pointers) != rows + 1 or np.any(np.diff(pointers) < 0) or pointers[-1] != len(columns):
        raise ValueError("the row pointers of a matrix do not fit its rows and entries")
    row = np.repeat(np.arange(rows), np.diff(pointers))
    return torch.from_numpy(np.stack([row, columns.astype(np.int64)])), rows, width
