"""The graphs that Geom-GCN prepared and split ten times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graph_distillery.bench.data.checks import PARTS, mask_items
from graph_distillery.bench.data.dataset import Dataset, Indices
from graph_distillery.bench.data.edges import check_ends
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.loaders.node_files import node_dataset
from graph_distillery.bench.data.raw_files import RawFiles, check_npz

GEOM_GCN_SPLITS = 10


def geom_gcn(name: str, raw: RawFiles, family: str, prefix: str = "") -> Dataset:
    """WebKB, Actor or WikipediaNetwork as prepared and split ten times by Geom-GCN (Pei et al., ICLR 2020)."""
    from torch_geometric import datasets

    makers: dict[str, tuple[str, Any]] = {
        "WebKB": (f"WebKB/{name}/raw", lambda to, **more: datasets.WebKB(to, name, **more)),
        "Actor": ("Actor/raw", datasets.Actor),
        "WikipediaNetwork": (
            f"WikipediaNetwork/{name}/geom_gcn/raw",
            lambda to, **more: datasets.WikipediaNetwork(to, name, geom_gcn_preprocess=True, **more),
        ),
    }
    place, make = makers[family]
    masks = [f"{prefix or name}_split_0.6_0.2_{number}.npz" for number in range(GEOM_GCN_SPLITS)]
    texts = ["out1_node_feature_label.txt", "out1_graph_edges.txt"]
    folder = raw.obtain(place, [*texts, *masks], lambda to: make(str(to / family)))
    for file in texts:
        _check_table(raw, folder / file)
    raw.carriers = dict.fromkeys(("nodes", "features", "labels", "classes"), folder / texts[0])
    raw.carriers["edges"] = folder / texts[1]
    nodes = (folder / texts[0]).read_bytes().count(b"\n") - 1
    edges = _edges(raw, folder / texts[1], folder / texts[0], nodes)
    splits = published_splits(raw, folder, masks, nodes)
    with raw.blame(folder):
        data = make(str(raw.root / family), force_reload=True)[0]
    return node_dataset(name, data.x, edges, data.y, {"geom-gcn": splits})


def published_splits(raw: RawFiles, folder: Path, files: list[str], nodes: int) -> list[Indices]:
    """The splits in files of masks, one split a file.

    Raises:
        DataFault: a mask of another length.
    """
    found = []
    for number, file in enumerate(files):
        path = raw.carriers[f"split geom-gcn {number}"] = folder / file
        check_npz(raw, path)
        with raw.blame(path), np.load(path) as archive:
            masks = [archive[f"{part}_mask"] for part in ("train", "val", "test")]
        train, val, test = (
            mask_items(mask, nodes, f"split geom-gcn {number}", f"the {part} mask")
            for part, mask in zip(PARTS, masks, strict=True)
        )
        found.append((train, val, test))
    return found


def _edges(raw: RawFiles, path: Path, table: Path, nodes: int) -> Tensor:
    """[2, arcs] as the file lists them, each between two nodes of the table of features."""
    with raw.blame(path):
        edges = torch.from_numpy(np.loadtxt(path, np.int64, delimiter="\t", skiprows=1, ndmin=2)).reshape(-1, 2).T
        try:
            check_ends(edges, nodes)
        except DataFault as fault:  # which of the two files is to blame is not known
            raise raw.damaged(path, f"{fault} in {table.name}") from None
    return edges


def _check_table(raw: RawFiles, path: Path) -> None:
    """A table separated by tabs, whose every line is whole."""
    with raw.blame(path):
        body = path.read_bytes()
        if not body.endswith(b"\n"):
            raise raw.damaged(path, "the last line is cut off")
        lines = body.splitlines()
        columns = [line.count(b"\t") + 1 for line in lines]
        for number, found in enumerate(columns, 1):
            if found != columns[0]:
                raise raw.damaged(path, f"line {number} has {found} columns, line 1 has {columns[0]}")
