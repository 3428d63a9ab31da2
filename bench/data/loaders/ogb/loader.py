"""ogbn-arxiv, the large graph that is split by time, and ogbn-products."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import torch

from graph_distillery.bench.data.checks import PARTS
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loaders.node_files import node_dataset
from graph_distillery.bench.data.loaders.ogb.tables import download, numbers, published_split, split_files, table
from graph_distillery.bench.data.raw_files import RawFiles
from graph_distillery.bench.errors import UserError


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
    raw.carriers |= {"features": folder / files[1], "labels": folder / files[2]}
    raw.carriers |= {f"split ogb {part}": split_folder / file for part, file in zip(PARTS, parts, strict=True)}
    if len(features) != len(labels):
        raise raw.damaged(folder / files[2], f"{len(labels):,} labels for {len(features):,} rows of {files[1]}")
    if int(edges.max()) >= len(features):
        raise raw.damaged(folder / files[1], f"{len(features):,} rows, but an edge names node {int(edges.max()):,}")
    train, val, test = indices
    splits = {"ogb": [(train, val, test)]}
    return node_dataset(name, features, edges.T, labels.flatten(), splits, undirected=True)


def ogbn_products(name: str, raw: RawFiles) -> Dataset:
    """ogbn-products (Hu et al., NeurIPS 2020) from its CSV files; the file lists each edge once."""

    def fetch(to: Path) -> None:
        download(to, "ogbn_products", "https://snap.stanford.edu/ogb/data/nodeproppred/products.zip", "products")

    files = [f"{part}.csv.gz" for part in ("edge", "node-feat", "node-label")]
    folder = raw.obtain("ogbn_products/raw", files, fetch)
    split_folder = raw.obtain("ogbn_products/split/sales_ranking", split_files(), fetch)
    edges, features, labels = (folder / file for file in files)
    raw.carriers = {"edges": edges, "nodes": features, "features": features, "labels": labels, "classes": labels}
    arcs, values = table(raw, edges, np.int64, 2), table(raw, features, np.float32)
    classes = numbers(raw, labels)
    if len(classes) != len(values):
        raise raw.damaged(labels, f"{len(classes):,} labels for {len(values):,} rows of {features.name}")
    splits = published_split(raw, split_folder)
    return node_dataset(name, torch.from_numpy(values), torch.from_numpy(arcs).T, classes, splits, undirected=True)


def _download_arxiv(to: Path) -> None:
    try:
        from ogb.nodeproppred import NodePropPredDataset
    except ImportError as error:
        raise UserError(
            "dataset 'ogbn-arxiv': its download needs the ogb package: pip install '.[ogb]' in a checkout"
        ) from error
    with contextlib.redirect_stdout(io.StringIO()):
        NodePropPredDataset("ogbn-arxiv", str(to))
