"""Cora, CiteSeer and PubMed from the files of Planetoid."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from graph_distillery.bench.data.dataset import Dataset, Indices
from graph_distillery.bench.data.edges import check_ends
from graph_distillery.bench.data.info import DatasetInfo
from graph_distillery.bench.data.loaders.geom_gcn.loader import GEOM_GCN_SPLITS, published_splits
from graph_distillery.bench.data.loaders.node_files import mask_splits, node_dataset, row_normalised
from graph_distillery.bench.data.raw_files import MissingFilesError, RawFiles
from graph_distillery.bench.data.registry import DATASETS

PLANETOID_PARTS = ("x", "tx", "allx", "y", "ty", "ally", "graph", "test.index")


def planetoid(name: str, raw: RawFiles, title: str, divided: bool = False) -> Dataset:
    """Cora, CiteSeer or PubMed with the public split of Yang et al. (ICML 2016) and the ten of Geom-GCN.

    divided: features divided by their row's sum.
    """
    from torch_geometric.datasets import Planetoid

    stem = title.lower()
    files = [f"ind.{stem}.{part}" for part in PLANETOID_PARTS]
    folder = raw.obtain(f"Planetoid/{title}/raw", files, lambda to: Planetoid(str(to / "Planetoid"), title))
    edges, gaps = _check_planetoid(stem, raw, folder)
    with raw.blame(folder):
        data = Planetoid(str(raw.root / "Planetoid"), title, force_reload=True)[0]
    raw.carriers = {
        "edges": folder / f"ind.{stem}.graph",
        "nodes": folder / f"ind.{stem}.allx",
        "features": folder / f"ind.{stem}.allx",
        "classes": folder / f"ind.{stem}.ally",
        "labels": folder / f"ind.{stem}.ally",
        "split public": folder / f"ind.{stem}.test.index",
    }
    check_ends(edges, len(data.x))
    splits = {"public": mask_splits(data), **_planetoid_geom_gcn(name, raw, title, len(data.x))}
    features = row_normalised(data.x) if divided else data.x
    return node_dataset(name, features, edges, data.y, splits, gaps)


def geom_gcn_place(info: DatasetInfo) -> tuple[str, list[str]]:
    """Folder and files of the Geom-GCN splits of a Planetoid set."""
    title = info.options.get("title", "")
    files = [f"{title.lower()}_split_0.6_0.2_{number}.npz" for number in range(GEOM_GCN_SPLITS)]
    return f"Planetoid/{title}/geom-gcn/raw", files


def _planetoid_geom_gcn(name: str, raw: RawFiles, title: str, nodes: int) -> dict[str, list[Indices]]:
    """The ten splits; none where their files are not to be had, so that the public split still works."""
    from torch_geometric.datasets import Planetoid

    place, files = geom_gcn_place(DATASETS.get(name))
    try:
        folder = raw.obtain(place, files, lambda to: Planetoid(str(to / "Planetoid"), title, split="geom-gcn"))
    except MissingFilesError:
        return {}
    return {"geom-gcn": published_splits(raw, folder, files, nodes)}


def _check_planetoid(name: str, raw: RawFiles, folder: Path) -> tuple[Tensor, Tensor]:
    """Read every file by itself; the [2, arcs] edges as listed, and the nodes within the test range that no file
    describes ([count] int64)."""
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
    graph = folder / f"ind.{name}.graph"
    with raw.blame(graph):
        pairs = [(node, other) for node, others in parts["graph"].items() for other in others]
        edges = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).T
    whole = torch.arange(int(test.min()), int(test.max()) + 1)
    return edges, whole[~torch.isin(whole, test)]
