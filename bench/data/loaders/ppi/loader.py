"""PPI: 24 graphs, many labels a node."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.edges import check_ends, tidy
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.raw_files import RawFiles
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.methods.contract.graph import Graph


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
            else:
                _check_links(raw, folder / file)
    root = str(raw.root / "PPI")
    with raw.blame(folder):
        parts = [list(PPI(root, part, force_reload=part == "train")) for part in ("train", "val", "test")]
    raw.carriers = {"nodes": folder / files[0], "edges": folder / files[2], "classes": folder / files[3]}
    raw.carriers |= {"features": folder, "labels": folder, "graphs": folder}
    graphs = [data for part in parts for data in part]
    sizes = torch.tensor([0, *(data.num_nodes for data in graphs)])
    pointers = torch.cumsum(sizes, 0)
    edges = torch.cat([data.edge_index + pointers[number] for number, data in enumerate(graphs)], dim=1)
    tidied = tidy(edges, int(pointers[-1]))
    graph = Graph.build(torch.cat([data.x for data in graphs]), tidied.edge_index, pointers)
    ends = pointers[torch.tensor([0, *np.cumsum([len(part) for part in parts])])]
    train, val, test = (torch.arange(int(ends[part]), int(ends[part + 1])) for part in range(3))
    labels = torch.cat([data.y for data in graphs])
    info = DATASETS.get(name)
    splits = {"graphs": [(train, val, test)]}
    return Dataset.build(name, info.task, info.metric, graph, labels, labels.shape[1], splits)


def _check_links(raw: RawFiles, path: Path) -> None:
    """The file is whole, and its links join nodes that it has: PyG leaves others out without a word."""
    body = path.read_bytes()
    if not body.rstrip().endswith(b"}"):
        raise raw.damaged(path, "the end is cut off")
    whole = json.loads(body)
    links = [(link["source"], link["target"]) for link in whole["links"]]
    try:
        check_ends(torch.tensor(links, dtype=torch.long).reshape(-1, 2).T, len(whole["nodes"]))
    except DataFault as fault:
        raise raw.damaged(path, str(fault)) from None
