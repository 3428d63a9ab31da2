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
from graph_distillery.bench.data.loaders.node_files import node_dataset, row_normalised
from graph_distillery.bench.data.raw_files import RawFiles, check_npz

GEOM_GCN_SPLITS = 10


def geom_gcn(
    name: str,
    raw: RawFiles,
    family: str,
    title: str,
    prefix: str = "",
    undirected: bool = True,
    divided: bool = False,
) -> Dataset:
    """WebKB, Actor or WikipediaNetwork as prepared and split ten times by Geom-GCN (Pei et al., ICLR 2020).

    title: the set within its family; prefix: of the files of its splits. The arcs of the file become edges unless told
    otherwise. divided: features divided by their row's sum.
    """
    from torch_geometric import datasets

    makers: dict[str, tuple[str, Any]] = {
        "WebKB": (f"WebKB/{title}/raw", lambda to: datasets.WebKB(to, title)),
        "Actor": ("Actor/raw", datasets.Actor),
        "WikipediaNetwork": (
            f"WikipediaNetwork/{title}/geom_gcn/raw",
            lambda to: datasets.WikipediaNetwork(to, title, geom_gcn_preprocess=True),
        ),
    }
    place, make = makers[family]
    masks = [f"{prefix or title}_split_0.6_0.2_{number}.npz" for number in range(GEOM_GCN_SPLITS)]
    texts = ["out1_node_feature_label.txt", "out1_graph_edges.txt"]
    folder = raw.obtain(place, [*texts, *masks], lambda to: make(str(to / family)))
    for file in texts:
        _check_table(raw, folder / file)
    raw.carriers = dict.fromkeys(("nodes", "features", "labels", "classes"), folder / texts[0])
    raw.carriers["edges"] = folder / texts[1]
    with raw.blame(folder / texts[0]):
        features, labels = _listed_words(folder / texts[0]) if family == "Actor" else _dense(folder / texts[0])
        features = row_normalised(features) if divided else features
    edges = _edges(raw, folder / texts[1], folder / texts[0], len(features))
    splits = published_splits(raw, folder, masks, len(features))
    return node_dataset(name, features, edges, labels, {"geom-gcn": splits}, undirected=undirected)


def _dense(path: Path) -> tuple[Tensor, Tensor]:
    """[nodes, features] and [nodes]: a line a node, its number, its features separated by commas, and its label."""
    lines = [line.split("\t") for line in path.read_text().splitlines()[1:]]
    features = np.array([line[1].split(",") for line in lines]).astype(np.float32)
    return torch.from_numpy(features), torch.tensor([int(line[2]) for line in lines])


def _listed_words(path: Path) -> tuple[Tensor, Tensor]:
    """Likewise where a line lists the numbers of the words that its page has, and nodes come in any order."""
    lines = [line.split("\t") for line in path.read_text().splitlines()[1:]]
    words = [(int(line[0]), int(word)) for line in lines for word in line[1].split(",")]
    node, word = torch.tensor(words).T
    nodes = torch.tensor([int(line[0]) for line in lines])
    if not torch.equal(nodes.sort().values, torch.arange(len(lines))):
        raise DataFault("features", f"its nodes are not numbered 0 to {len(lines) - 1:,}, each once")
    if int(word.min()) < 0:
        raise DataFault("features", f"node {int(node[word.argmin()]):,} lists word {int(word.min())}")
    features = torch.zeros(len(lines), int(word.max()) + 1)
    features[node, word] = 1.0
    labels = torch.empty(len(lines), dtype=torch.long)
    labels[nodes] = torch.tensor([int(line[2]) for line in lines])
    return features, labels


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
