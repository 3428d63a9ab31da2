"""Node datasets that come as raw files: PyG's loaders read them, this module makes a `Dataset` of what they
give.

Edges stay as PyG gives them, less self-loops and repeats; directed graphs stay directed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graph_distillery.bench.data.dataset import Dataset, Indices, tidy_edges
from graph_distillery.bench.data.raw_files import MissingFilesError, RawFiles, check_npz
from graph_distillery.bench.data.registry import DATASETS, DatasetInfo
from graph_distillery.methods.graph import Graph

GEOM_GCN_SPLITS = 10
PLANETOID_PARTS = ("x", "tx", "allx", "y", "ty", "ally", "graph", "test.index")


def planetoid(name: str, raw: RawFiles, title: str) -> Dataset:
    """Cora, CiteSeer or PubMed with the public split of Yang et al. (ICML 2016) and the ten of Geom-GCN."""
    from torch_geometric.datasets import Planetoid

    files = [f"ind.{name}.{part}" for part in PLANETOID_PARTS]
    folder = raw.obtain(f"Planetoid/{title}/raw", files, lambda to: Planetoid(str(to / "Planetoid"), title))
    gaps = _check_planetoid(name, raw, folder)
    with raw.blame(folder):
        data = Planetoid(str(raw.root / "Planetoid"), title, force_reload=True)[0]
    raw.carriers = {
        "edges": folder / f"ind.{name}.graph",
        "nodes": folder / f"ind.{name}.allx",
        "features": folder / f"ind.{name}.allx",
        "classes": folder / f"ind.{name}.ally",
    }
    splits = {"public": mask_splits(data), **_planetoid_geom_gcn(name, raw, title)}
    return node_dataset(name, data.x, data.edge_index, data.y, splits, gaps)


def geom_gcn_place(info: DatasetInfo) -> tuple[str, list[str]]:
    """Folder and files of the Geom-GCN splits of a Planetoid set."""
    title = info.options.get("title", "")
    files = [f"{info.name}_split_0.6_0.2_{number}.npz" for number in range(GEOM_GCN_SPLITS)]
    return f"Planetoid/{title}/geom-gcn/raw", files


def _planetoid_geom_gcn(name: str, raw: RawFiles, title: str) -> dict[str, list[Indices]]:
    """The ten splits; none where their files are not to be had, so that the public split still works."""
    from torch_geometric.datasets import Planetoid

    place, files = geom_gcn_place(DATASETS.get(name))
    try:
        folder = raw.obtain(place, files, lambda to: Planetoid(str(to / "Planetoid"), title, split="geom-gcn"))
    except MissingFilesError:
        return {}
    out = []
    for file in files:
        check_npz(raw, folder / file)
        with raw.blame(folder / file), np.load(folder / file) as masks:
            train, val, test = (torch.from_numpy(masks[f"{part}_mask"] > 0) for part in ("train", "val", "test"))
        out.append((_places(train), _places(val), _places(test)))
    return {"geom-gcn": out}


def _check_planetoid(name: str, raw: RawFiles, folder: Path) -> Tensor:
    """Read every file by itself; the nodes within the test range that no file describes ([count] int64)."""
    from torch_geometric.io.planetoid import read_file

    parts = {}
    for part in PLANETOID_PARTS:
        path = folder / f"ind.{name}.{part}"
        with raw.blame(path):
            parts[part] = read_file(str(folder), name, part)
    test = parts["test.index"]
    if test.numel() != parts["tx"].shape[0]:
        why = f"{test.numel()} lines for {parts['tx'].shape[0]} rows of ind.{name}.tx"
        raise raw.damaged(folder / f"ind.{name}.test.index", why)
    whole = torch.arange(int(test.min()), int(test.max()) + 1)
    return whole[~torch.isin(whole, test)]


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
    for file in masks:
        check_npz(raw, folder / file)
    raw.carriers = dict.fromkeys(("nodes", "features", "classes"), folder / texts[0])
    raw.carriers["edges"] = folder / texts[1]
    with raw.blame(folder):
        data = make(str(raw.root / family), force_reload=True)[0]
    return node_dataset(name, data.x, data.edge_index, data.y, {"geom-gcn": mask_splits(data)})


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


def npz_graph(name: str, raw: RawFiles, family: str, title: str, file: str) -> Dataset:
    """Coauthor, Amazon (Shchur et al., 2018) or CitationFull (Bojchevski and Günnemann, ICLR 2018)."""
    from torch_geometric import datasets

    maker = getattr(datasets, family)
    folder_name = title.lower() if family == "CitationFull" else title
    place = f"{family}/{folder_name}/raw"
    folder = raw.obtain(place, [file], lambda to: maker(str(to / family), title))
    check_npz(raw, folder / file)
    raw.carriers = dict.fromkeys(("nodes", "edges", "features", "classes"), folder / file)
    with raw.blame(folder / file):
        data = maker(str(raw.root / family), title, force_reload=True)[0]
    return node_dataset(name, data.x, data.edge_index, data.y)


def heterophilous(name: str, raw: RawFiles) -> Dataset:
    """The five sets of Platonov et al. (ICLR 2023) with their ten 50/25/25 splits, called `public` here."""
    from torch_geometric.datasets import HeterophilousGraphDataset

    folder_name = name.replace("-", "_")
    family, file = "HeterophilousGraphDataset", f"{folder_name}.npz"
    folder = raw.obtain(
        f"{family}/{folder_name}/raw", [file], lambda to: HeterophilousGraphDataset(str(to / family), name)
    )
    check_npz(raw, folder / file)
    raw.carriers = dict.fromkeys(("nodes", "edges", "features", "classes"), folder / file)
    with raw.blame(folder / file):
        data = HeterophilousGraphDataset(str(raw.root / family), name, force_reload=True)[0]
    return node_dataset(name, data.x, data.edge_index, data.y, {"public": mask_splits(data)})


def node_dataset(
    name: str,
    features: Tensor,
    edge_index: Tensor,
    labels: Tensor,
    splits: dict[str, list[Indices]] | None = None,
    unlabelled: Tensor | None = None,
    undirected: bool = False,
) -> Dataset:
    """What a loader of one graph returns; features [nodes, width], edge_index [2, arcs], labels [nodes]."""
    info = DATASETS.get(name)
    graph = Graph.build(features.float(), tidy_edges(edge_index, features.shape[0], undirected))
    classes = int(labels.max()) + 1
    return Dataset.build(name, info.task, info.metric, graph, labels, classes, splits, unlabelled)


def mask_splits(data: Any) -> list[Indices]:
    """The splits in PyG's masks, [nodes] or [nodes, splits] each."""
    masks = [mask if mask.dim() == 2 else mask[:, None] for mask in (data.train_mask, data.val_mask, data.test_mask)]
    count = masks[0].shape[1]
    return [
        (_places(masks[0][:, number]), _places(masks[1][:, number]), _places(masks[2][:, number]))
        for number in range(count)
    ]


def _places(mask: Tensor) -> Tensor:
    return mask.nonzero().flatten()
