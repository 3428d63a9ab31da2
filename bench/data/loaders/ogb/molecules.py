"""Molecules of the Open Graph Benchmark, one graph each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from graph_distillery.bench.data.checks import whole_labels
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.edges import tidy
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.loaders.ogb.tables import (
    download,
    numbers,
    published_split,
    sizes_of,
    split_files,
    table,
)
from graph_distillery.bench.data.raw_files import RawFiles
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix

#: How many values each of an atom's nine properties takes: number, chirality, degree, charge, hydrogens, radical
#: electrons, hybridisation, aromatic, in a ring.
ATOM = (119, 5, 12, 12, 10, 6, 6, 2, 2)
_URL = "https://snap.stanford.edu/ogb/data/graphproppred/csv_mol_download"
_FILES = ("edge", "node-feat", "graph-label", "num-node-list", "num-edge-list")


def molecules(name: str, raw: RawFiles, file: str) -> Dataset:
    """A set of molecules with one label each and its split by scaffold; `file` names the archive.

    Bonds are edges, and what is known of a bond is left out.
    """
    place = name.replace("-", "_")

    def fetch(to: Path) -> None:
        download(to, place, f"{_URL}/{file}.zip", file)

    folder = raw.obtain(f"{place}/raw", [f"{part}.csv.gz" for part in _FILES], fetch)
    split_folder = raw.obtain(f"{place}/split/scaffold", split_files(), fetch)
    edges, atoms, labels, node_counts, edge_counts = (folder / f"{part}.csv.gz" for part in _FILES)
    raw.carriers = {"edges": edges, "nodes": atoms, "features": atoms, "labels": labels, "classes": labels}
    raw.carriers["graphs"] = node_counts
    bonds, properties = table(raw, edges, np.int64, 2), table(raw, atoms, np.int64, len(ATOM))
    counts = numbers(raw, node_counts)
    pointers = sizes_of(counts, len(properties), raw, node_counts, "atoms")
    owners = sizes_of(numbers(raw, edge_counts), len(bonds), raw, edge_counts, "bonds")
    if len(owners) != len(pointers):
        raise raw.damaged(edge_counts, f"{len(owners) - 1:,} graphs, {node_counts.name} has {len(counts):,}")
    known = whole_labels(table(raw, labels, np.float64, 1))
    if len(known) != len(counts):
        raise DataFault("labels", f"{len(known):,} labels for {len(counts):,} graphs")
    graph_of_bond = torch.repeat_interleave(torch.arange(len(counts)), owners.diff())
    ends = torch.from_numpy(bonds).T
    if bool(((ends < 0) | (ends >= counts[graph_of_bond])).any()):
        wrong = int(((ends < 0) | (ends >= counts[graph_of_bond])).any(0).nonzero()[0])
        raise raw.damaged(edges, f"line {wrong + 1:,} names an atom beyond its graph")
    tidied = tidy(ends + pointers[graph_of_bond], len(properties), undirected=True)
    info, graph = DATASETS.get(name), Graph.build(atom_features(properties), tidied.edge_index, pointers)
    found = (tidied.self_loops, tidied.repeats)
    splits = published_split(raw, split_folder)
    return Dataset.build(name, info.task, info.metric, graph, known, int(known.max()) + 1, splits, None, *found)


def atom_features(properties: np.ndarray) -> SparseMatrix:
    """[atoms, 174]: each of nine properties one-hot, side by side.

    Raises:
        DataFault: a value that a property does not take.
    """
    sizes = np.array(ATOM)
    wrong = np.argwhere((properties < 0) | (properties >= sizes))
    if len(wrong):
        row, column = wrong[0]
        raise DataFault("features", f"atom {row:,} has {properties[row, column]} as property {column}")
    columns = torch.from_numpy(properties + (np.cumsum(sizes) - sizes)).flatten()
    rows = torch.repeat_interleave(torch.arange(len(properties)), len(sizes))
    return SparseMatrix.from_entries(rows, columns, torch.ones(len(rows)), (len(properties), int(sizes.sum())))
