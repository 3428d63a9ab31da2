"""The graphs that Geom-GCN prepared and split ten times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loaders.node_files import mask_splits, node_dataset
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
