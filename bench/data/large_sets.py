"""PPI and ogbn-arxiv: the inductive multi-label set, and the large one that is split by time."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import torch

from graph_distillery.bench.data.dataset import Dataset, tidy_edges
from graph_distillery.bench.data.downloads import node_dataset
from graph_distillery.bench.data.raw_files import RawFiles
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.errors import UserError
from graph_distillery.methods.graph import Graph


def ppi(name: str, raw: RawFiles) -> Dataset:
    """The 24 protein graphs of Hamilton et al. (NeurIPS 2017) as one union: 20 train, 2 validate, 2 test."""
    from torch_geometric.datasets import PPI

    kinds = ("feats.npy", "graph_id.npy", "graph.json", "labels.npy")
    files = [f"{part}_{kind}" for part in ("train", "valid", "test") for kind in kinds]
    folder = raw.obtain("PPI/raw", files, lambda to: PPI(str(to / "PPI")))
    for file in files:
        with raw.blame(folder / file):
            if file.endswith(".npy"):
                np.load(folder / file)
            elif not (folder / file).read_bytes().rstrip().endswith(b"}"):
                raise raw.damaged(folder / file, "the end is cut off")
    root = str(raw.root / "PPI")
    with raw.blame(folder):
        parts = [list(PPI(root, part, force_reload=part == "train")) for part in ("train", "val", "test")]
    raw.carriers = {"nodes": folder / files[0], "edges": folder / files[2], "classes": folder / files[3]}
    graphs = [data for part in parts for data in part]
    sizes = torch.tensor([0, *(data.num_nodes for data in graphs)])
    pointers = torch.cumsum(sizes, 0)
    edges = torch.cat([data.edge_index + pointers[number] for number, data in enumerate(graphs)], dim=1)
    graph = Graph.build(torch.cat([data.x for data in graphs]), tidy_edges(edges, int(pointers[-1])), pointers)
    ends = pointers[torch.tensor([0, *np.cumsum([len(part) for part in parts])])]
    train, val, test = (torch.arange(int(ends[part]), int(ends[part + 1])) for part in range(3))
    labels = torch.cat([data.y for data in graphs])
    info = DATASETS.get(name)
    return Dataset.build(name, info.task, info.metric, graph, labels, labels.shape[1], {"graphs": [(train, val, test)]})


def ogbn_arxiv(name: str, raw: RawFiles) -> Dataset:
    """ogbn-arxiv (Hu et al., NeurIPS 2020) from its CSV files, with every citation made an edge, as GLNN
    does.

    The `ogb` package is needed for the download alone.
    """
    files = [f"{part}.csv.gz" for part in ("edge", "node-feat", "node-label")]
    parts = [f"{part}.csv.gz" for part in ("train", "valid", "test")]
    folder = raw.obtain("ogbn_arxiv/raw", files, _download_arxiv)
    split_folder = raw.obtain("ogbn_arxiv/split/time", parts, _download_arxiv)
    tables = {}
    for file in files:
        with raw.blame(folder / file):
            kind = np.float32 if file.startswith("node-feat") else np.int64
            tables[file] = torch.from_numpy(np.loadtxt(folder / file, kind, delimiter=",", ndmin=2))
    indices = []
    for part in parts:
        with raw.blame(split_folder / part):
            indices.append(torch.from_numpy(np.loadtxt(split_folder / part, np.int64, ndmin=1)).sort().values)
    edges, features, labels = (tables[file] for file in files)
    raw.carriers = dict(zip(("edges", "nodes", "classes"), (folder / file for file in files), strict=True))
    if len(features) != len(labels):
        raise raw.damaged(folder / files[2], f"{len(labels):,} labels for {len(features):,} rows of {files[1]}")
    if int(edges.max()) >= len(features):
        raise raw.damaged(folder / files[1], f"{len(features):,} rows, but an edge names node {int(edges.max()):,}")
    train, val, test = indices
    splits = {"ogb": [(train, val, test)]}
    return node_dataset(name, features, edges.T, labels.flatten(), splits, undirected=True)


def _download_arxiv(to: Path) -> None:
    try:
        from ogb.nodeproppred import NodePropPredDataset
    except ImportError as error:
        raise UserError(
            "dataset 'ogbn-arxiv': its download needs the ogb package: pip install 'graph-distillery[ogb]'"
        ) from error
    with contextlib.redirect_stdout(io.StringIO()):
        NodePropPredDataset("ogbn-arxiv", str(to))
