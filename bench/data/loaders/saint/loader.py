"""GraphSAINT's four files a graph, and the two archives of GraphSAGE's Reddit."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graph_distillery.bench.data.checks import PARTS
from graph_distillery.bench.data.dataset import Dataset, Indices
from graph_distillery.bench.data.edges import tidy
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.loaders.node_files import node_dataset, places
from graph_distillery.bench.data.raw_files import RawFiles, check_npz
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.methods.contract.graph import Graph

FILES = ("adj_full.npz", "feats.npy", "class_map.json", "role.json")


def saint(name: str, raw: RawFiles, family: str) -> Dataset:
    """Flickr, Reddit2, Yelp or AmazonProducts (Zeng et al., ICLR 2020) with its own split, called `public`."""
    from torch_geometric import datasets

    folder = raw.obtain(f"{family}/raw", FILES, lambda to: getattr(datasets, family)(str(to / family)))
    matrix, table, classes, roles = (folder / file for file in FILES)
    raw.carriers = {"edges": matrix, "nodes": table, "features": table, "labels": classes, "classes": classes}
    raw.carriers["split public"] = roles
    check_npz(raw, matrix)
    with raw.blame(table):
        features = torch.from_numpy(np.load(table)).float()
    with raw.blame(matrix), np.load(matrix) as archive:
        edges = _entries(archive["indptr"], archive["indices"], len(features))
    with raw.blame(classes):
        told = json.loads(classes.read_bytes())
        labels = _labels(told, len(features))
    with raw.blame(roles):
        parts = json.loads(roles.read_bytes())
        train, val, test = (torch.tensor(parts[key], dtype=torch.long).sort().values for key in ("tr", "va", "te"))
    splits: dict[str, list[Indices]] = {"public": [(train, val, test)]}
    if labels.dim() == 1:
        return node_dataset(name, features, edges, labels, splits)
    info, tidied = DATASETS.get(name), tidy(edges, len(features))
    graph, counts = Graph.build(features, tidied.edge_index), (tidied.self_loops, tidied.repeats)
    return Dataset.build(name, info.task, info.metric, graph, labels, labels.shape[1], splits, None, *counts)


def reddit(name: str, raw: RawFiles) -> Dataset:
    """Reddit (Hamilton et al., NeurIPS 2017), split by the day of the post; the split is called `public`."""
    from torch_geometric.datasets import Reddit

    files = ["reddit_data.npz", "reddit_graph.npz"]
    folder = raw.obtain("Reddit/raw", files, lambda to: Reddit(str(to / "Reddit")))
    table, matrix = (folder / file for file in files)
    for path in (table, matrix):
        check_npz(raw, path)
    raw.carriers = {**dict.fromkeys(("nodes", "features", "labels", "classes", "split public"), table), "edges": matrix}
    with raw.blame(table), np.load(table) as archive:
        features, labels, kinds = (torch.from_numpy(archive[key]) for key in ("feature", "label", "node_types"))
    with raw.blame(matrix), np.load(matrix) as archive:
        edges = torch.from_numpy(np.stack([archive["row"], archive["col"]]).astype(np.int64))
    for noun, values in (("labels", labels), ("split public", kinds)):
        if len(values) != len(features):
            raise DataFault(noun, f"{len(values):,} {noun} for {len(features):,} rows of features")
    strange = places((kinds < 1) | (kinds > 3))
    if strange.numel():
        raise DataFault(
            "split public", f"node {int(strange[0]):,} is of part {int(kinds[strange[0]])}; they are 1 to 3"
        )
    train, val, test = (places(kinds == part) for part in range(1, len(PARTS) + 1))
    return node_dataset(name, features.float(), edges, labels, {"public": [(train, val, test)]})


def _entries(pointers: np.ndarray, columns: np.ndarray, nodes: int) -> Tensor:
    """[2, arcs] of a matrix in compressed rows."""
    if len(pointers) != nodes + 1 or np.any(np.diff(pointers) < 0) or pointers[-1] != len(columns):
        raise ValueError(f"the row pointers of its matrix do not fit its entries and {nodes:,} nodes")
    rows = np.repeat(np.arange(nodes), np.diff(pointers))
    return torch.from_numpy(np.stack([rows, columns.astype(np.int64)]))


def _labels(told: dict[str, Any], nodes: int) -> Tensor:
    """[nodes], or [nodes, labels] of 0 and 1 where each node has a list of them."""
    missing = next((node for node in range(nodes) if str(node) not in told), None)
    if missing is not None or len(told) != nodes:
        which = f"node {missing:,} has none" if missing is not None else f"it has {len(told):,} for {nodes:,} nodes"
        raise DataFault("labels", f"of its classes {which}")
    return torch.tensor([told[str(node)] for node in range(nodes)])
