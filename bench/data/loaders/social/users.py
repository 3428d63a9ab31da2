"""Users and pages from PyG's `.npz` files."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.loaders.node_files import node_dataset
from graph_distillery.bench.data.raw_files import RawFiles, check_npz

_NOUNS = ("nodes", "edges", "features", "labels", "classes")


def users(name: str, raw: RawFiles, family: str, file: str) -> Dataset:
    """LastFMAsia, DeezerEurope, GitHub, FacebookPagePage or one of Twitch, as PyG names them.

    file: of the family, without its ending; for Twitch the language.
    """
    from torch_geometric import datasets

    maker: Any = getattr(datasets, family)
    if family == "Twitch":
        place, make = f"Twitch/{file}/raw", lambda to: maker(str(to / family), file)
    else:
        place, make = f"{family}/raw", lambda to: maker(str(to / family))
    path = raw.obtain(place, [f"{file}.npz"], make) / f"{file}.npz"
    check_npz(raw, path)
    raw.carriers = dict.fromkeys(_NOUNS, path)
    with raw.blame(path), np.load(path) as archive:
        edges, features, labels = (archive[key] for key in ("edges", "features", "target"))
    if edges.ndim != 2 or edges.shape[1] != 2:
        raise DataFault("edges", f"the edges have shape {list(edges.shape)}, not [edges, 2]")
    if len(features) != len(labels):
        raise DataFault("labels", f"{len(labels):,} labels for {len(features):,} rows of features")
    arcs = torch.from_numpy(np.ascontiguousarray(edges.T))
    return node_dataset(name, torch.from_numpy(features), arcs, torch.from_numpy(labels), undirected=True)
