"""Wiki-CS: articles that link to each other."""

from __future__ import annotations

import json

import numpy as np
import torch

from graph_distillery.bench.data.checks import mask_items
from graph_distillery.bench.data.dataset import Dataset, Indices
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.loaders.node_files import node_dataset
from graph_distillery.bench.data.raw_files import RawFiles

_NOUNS = ("nodes", "edges", "features", "labels", "classes", "split public")


def wiki_cs(name: str, raw: RawFiles) -> Dataset:
    """Wiki-CS (Mernyei and Cangea, 2020) with its twenty splits, called `public` here."""
    from torch_geometric.datasets import WikiCS

    folder = raw.obtain("WikiCS/raw", ["data.json"], lambda to: WikiCS(str(to / "WikiCS"), is_undirected=True))
    path = folder / "data.json"
    raw.carriers = dict.fromkeys(_NOUNS, path)
    with raw.blame(path):
        told = json.loads(path.read_bytes())
        features = torch.tensor(told["features"], dtype=torch.float32)
        labels = torch.tensor(told["labels"])
        pairs = [(node, other) for node, others in enumerate(told["links"]) for other in others]
        edges = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).T
        masks = [np.array(told[key]) for key in ("train_masks", "val_masks", "test_mask")]
    counts = {"links": len(told["links"]), "labels": len(labels)}
    for noun, count in counts.items():
        if count != len(features):
            raise DataFault("nodes", f"{count:,} lists of {noun} for {len(features):,} rows of features")
    splits = {"public": _splits(masks, len(features))}
    return node_dataset(name, features, edges, labels, splits, undirected=True)


def _splits(masks: list[np.ndarray], nodes: int) -> list[Indices]:
    """Of masks of training and validation, [splits, nodes] each, and one of the test, [nodes]."""
    train, val, test = masks
    if train.ndim != 2 or train.shape != val.shape:
        raise DataFault("split public", f"the masks have the shapes {list(train.shape)} and {list(val.shape)}")
    found = []
    for number in range(len(train)):
        noun = f"split public {number}"
        parts = zip(("training", "validation", "test"), (train[number], val[number], test), strict=True)
        one, other, last = (mask_items(m, nodes, noun, f"the {part} mask of split {number}") for part, m in parts)
        found.append((one, other, last))
    return found
