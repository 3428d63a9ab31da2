"""What loaders of one graph share: the values of raw files, checked as they are, become a `Dataset`.

Edges are those of the file, less self-loops and repeats, which are counted; directed ones become edges where the
dataset's protocol has it so.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graph_distillery.bench.data.checks import whole_labels
from graph_distillery.bench.data.dataset import Dataset, Indices
from graph_distillery.bench.data.edges import tidy
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.methods.contract.graph import Graph


def node_dataset(
    name: str,
    features: Tensor,
    edge_index: Tensor,
    labels: Tensor,
    splits: dict[str, list[Indices]] | None = None,
    unlabelled: Tensor | None = None,
    undirected: bool = False,
) -> Dataset:
    """What a loader of one graph returns; features [nodes, width], edge_index [2, arcs] as the file lists them,
    labels [nodes].

    Raises:
        DataFault: an edge or a label that cannot be. These formats know no unlabelled nodes.
    """
    info = DATASETS.get(name)
    if features.dim() != 2:
        raise DataFault("features", f"the features have shape {list(features.shape)}, not [nodes, features]")
    tidied = tidy(edge_index, features.shape[0], undirected)
    numbers = whole_labels(labels.numpy())
    return Dataset.build(
        name,
        info.task,
        info.metric,
        Graph.build(features.float(), tidied.edge_index),
        numbers,
        int(numbers.max()) + 1 if numbers.numel() else 0,
        splits,
        unlabelled,
        tidied.self_loops,
        tidied.repeats,
    )


def row_normalised(features: Tensor) -> Tensor:
    """[nodes, width], each row divided by its sum; a row of zeros stays one.

    The sums are rounded once, so that the content is the same on every machine.

    Raises:
        DataFault: a negative feature.
    """
    wide = features.double().numpy()
    if wide.size and wide.min() < 0:
        raise DataFault("features", f"node {int(np.argwhere(wide < 0)[0, 0]):,} has a negative feature")
    sums = np.array([math.fsum(row[row != 0]) for row in wide])
    return torch.from_numpy(wide / np.where(sums > 0, sums, 1.0)[:, None]).float()


def mask_splits(data: Any) -> list[Indices]:
    """The splits in PyG's masks, [nodes] or [nodes, splits] each."""
    masks = [mask if mask.dim() == 2 else mask[:, None] for mask in (data.train_mask, data.val_mask, data.test_mask)]
    count = masks[0].shape[1]
    return [
        (places(masks[0][:, number]), places(masks[1][:, number]), places(masks[2][:, number]))
        for number in range(count)
    ]


def places(mask: Tensor) -> Tensor:
    """The [count] int64 places at which a mask holds."""
    return mask.nonzero().flatten()
