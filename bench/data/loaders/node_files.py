"""What loaders of one graph share: PyG reads the raw files, here they become a `Dataset`.

Edges stay as PyG gives them, less self-loops and repeats; directed graphs stay directed.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from graph_distillery.bench.data.dataset import Dataset, Indices, tidy_edges
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
        (places(masks[0][:, number]), places(masks[1][:, number]), places(masks[2][:, number]))
        for number in range(count)
    ]


def places(mask: Tensor) -> Tensor:
    """The [count] int64 places at which a mask holds."""
    return mask.nonzero().flatten()
