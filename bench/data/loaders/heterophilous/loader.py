"""The heterophilous graphs of Platonov et al. (ICLR 2023)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graph_distillery.bench.data.checks import PARTS, mask_items
from graph_distillery.bench.data.dataset import Dataset, Indices
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.loaders.node_files import node_dataset
from graph_distillery.bench.data.raw_files import RawFiles, check_npz

_MASKS = ("train_masks", "val_masks", "test_masks")
_NOUNS = ("nodes", "edges", "features", "labels", "classes", "split public")


def heterophilous(name: str, raw: RawFiles) -> Dataset:
    """The sets of Platonov et al. (ICLR 2023) with their ten splits, called `public` here.

    Their files hold each edge once; here it is both arcs, as they ask.
    """
    from torch_geometric.data import download_url
    from torch_geometric.datasets import HeterophilousGraphDataset

    folder_name = name.replace("-", "_")
    family, file = "HeterophilousGraphDataset", f"{folder_name}.npz"
    place, url = f"{family}/{folder_name}/raw", f"{HeterophilousGraphDataset.url}/{file}"
    folder = raw.obtain(place, [file], lambda to: download_url(url, str(to / place), log=False))
    path = folder / file
    check_npz(raw, path)
    raw.carriers = dict.fromkeys(_NOUNS, path)
    with raw.blame(path), np.load(path) as archive:
        arrays = {key: archive[key] for key in ("node_features", "node_labels", "edges", *_MASKS)}
        features = torch.from_numpy(arrays["node_features"]).float()
        edges, labels = torch.from_numpy(arrays["edges"]), torch.from_numpy(arrays["node_labels"])
    splits = {"public": _splits([arrays[key] for key in _MASKS], len(features))}
    return node_dataset(name, features, edges.T, labels, splits, undirected=True)


def _splits(masks: list[NDArray[Any]], nodes: int) -> list[Indices]:
    """Of three arrays of masks, [splits, nodes] each."""
    shapes = {mask.shape for mask in masks}
    if len(shapes) > 1 or masks[0].ndim != 2:
        raise DataFault("split public", f"the masks have the shapes {', '.join(str(list(m.shape)) for m in masks)}")
    found = []
    for number in range(len(masks[0])):
        noun = f"split public {number}"
        train, val, test = (
            mask_items(mask[number], nodes, noun, f"the {part} mask of split {number}")
            for part, mask in zip(PARTS, masks, strict=True)
        )
        found.append((train, val, test))
    return found
