"""What every dataset must be, wherever it comes from: built-in sets, mirrors, plug-ins and users' own files.

`sound` looks at the whole of a dataset once it is read, `check_parts` at the parts of one split, `remarks` says what
is no fault but should be known. Loaders call the rest on raw values, where reading would hide a fault.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graph_distillery.bench.data.columns import check_columns, check_types
from graph_distillery.bench.data.dataset import Dataset, Indices, columns_along
from graph_distillery.bench.data.edges import tidy, tidy_typed
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.loaders.links.pairs import check_links, check_part_of_links
from graph_distillery.methods.contract.columns import TYPE, Columns
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.items import ITEMS
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.tasks.metrics import METRICS
from graph_distillery.methods.tasks.registry import TASKS

PARTS = ("training", "validation", "test")


def sound(dataset: Dataset) -> Dataset:
    """The dataset, found in order; what it lists of self-loops and repeated arcs is removed and counted, and items
    without a label (-1) are taken out of its published splits.

    Raises:
        DataFault: a value that cannot be; the first one is named.
    """
    sound_graph(dataset.graph)
    if TASKS.get(dataset.task).typed:
        check_types(dataset.graph)
    check_labels(dataset)
    if dataset.level == "pair":
        check_links(dataset)
    dataset = _with_tidy_edges(dataset)
    _check_within_graphs(dataset.graph)
    splits = {name: [_labelled(dataset, parts) for parts in choices] for name, choices in dataset.fixed_splits.items()}
    dataset = replace(dataset, fixed_splits=splits)
    for name, choices in splits.items():
        if not choices:
            raise DataFault(f"split {name}", f"split {name!r} has no choice of items")
        for number, parts in enumerate(choices):
            check_parts(dataset, name, parts, number if len(choices) > 1 else None)
    return dataset


def sound_graph(graph: Graph) -> None:
    """Raises DataFault unless features, columns and pointers of a graph are in order; its arcs are not looked at."""
    _check_features(graph)
    _check_graphs(graph)
    check_columns(graph)


def check_parts(dataset: Dataset, name: str, parts: Indices, number: int | None = None) -> None:
    """Raises DataFault unless the parts of a split are items of the dataset, disjoint, and fit to train and judge.

    number: which of several published splits of this name it is.
    """
    noun = f"split {name}" if number is None else f"split {name} {number}"
    title = f"split {name!r}" if number is None else f"split {name!r} number {number}"
    item = dataset.level
    owner = torch.full((dataset.num_items,), -1, dtype=torch.int8)
    for place, (part, items) in enumerate(zip(PARTS, parts, strict=True)):
        if not items.numel():
            raise DataFault(f"{noun} {part}", f"{title}: its {part} part is empty")
        outside = items[(items < 0) | (items >= dataset.num_items)]
        if outside.numel():
            last = dataset.num_items - 1
            raise DataFault(
                f"{noun} {part}", f"{title}: its {part} part holds {item} {int(outside[0])}; they are 0 to {last:,}"
            )
        twice = items.numel() - items.unique().numel()
        if twice:
            raise DataFault(f"{noun} {part}", f"{title}: its {part} part holds {twice:,} {item}s more than once")
        shared = items[owner[items] >= 0]
        if shared.numel():
            other = PARTS[int(owner[shared[0]])]
            why = f"its {other} and {part} parts share {shared.numel():,} {item}s, the first of them {int(shared[0]):,}"
            raise DataFault(f"{noun} {part}", f"{title}: {why}")
        owner[items] = place
        if dataset.level == "pair" and place:
            check_part_of_links(dataset, f"{noun} {part}", f"{title}: its {part} part", items)
    _check_judged(dataset, noun, title, parts)


def _check_judged(dataset: Dataset, noun: str, title: str, parts: Indices) -> None:
    """The area under the ROC curve of items of one class is no number, nor is a rank among fewer negatives than K."""
    judge = METRICS.get(dataset.metric)
    if not judge.negatives or dataset.labels.dim() > 1:
        return
    for part, items in zip(PARTS[1:], parts[1:], strict=True):
        found = dataset.labels[items].unique().tolist()
        if len(found) < 2:
            why = f"all {items.numel():,} items of its {part} part have label {found[0]}"
            raise DataFault(f"{noun} {part}", f"{title}: {why}, by which {judge.title} cannot judge")
        count = int((dataset.labels[items] == 0).sum())
        if count < judge.negatives:
            why = f"its {part} part has {count} items of label 0, and {judge.title} needs {judge.negatives}"
            raise DataFault(f"{noun} {part}", f"{title}: {why}")


def remarks(dataset: Dataset) -> list[str]:
    """What training must live with, and whoever trains should know; a line each."""
    lines = []
    if dataset.self_loops or dataset.repeats:
        lines.append(f"{dataset.self_loops:,} self-loops and {dataset.repeats:,} repeated arcs of its source left out")
    if dataset.labels.dim() == 1:
        counts = torch.bincount(dataset.labels[dataset.labels >= 0], minlength=dataset.num_classes)
        gaps = (counts == 0).nonzero().flatten().tolist()
        if gaps:
            which = ", ".join(map(str, gaps[:5])) + (f" and {len(gaps) - 5} more" if len(gaps) > 5 else "")
            lines.append(f"of classes 0 to {dataset.num_classes - 1}, no item has {which}")
        bare = int((dataset.labels < 0).sum())
        if bare:
            lines.append(f"{bare:,} items have no label (-1) and are in no part of any split")
    elif TASKS.get(dataset.task).typed and (bare := int((dataset.labels == 0).all(dim=1).sum())):
        lines.append(f"{bare:,} items have no label at all and are in no part of any split")
    return lines


def whole_labels(labels: NDArray[np.generic]) -> Tensor:
    """[items] int64 of class numbers as a file gives them, in whatever type of number.

    Raises:
        DataFault: a label that is negative or not a whole number.
    """
    if labels.ndim == 2 and 1 in labels.shape:
        labels = labels.reshape(-1)
    if labels.ndim != 1:
        raise DataFault("labels", f"the labels have shape {list(labels.shape)}, not [items]")
    if labels.dtype.kind not in "iufb":
        raise DataFault("labels", f"the labels are {labels.dtype}, not numbers")
    numbers = labels.astype(np.float64)
    wrong = ~np.isfinite(numbers) | (numbers != np.floor(numbers)) | (numbers < 0) | (numbers >= 2**31)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise DataFault("labels", f"item {first:,} has label {labels[first]}; classes are numbered from 0")
    return torch.from_numpy(numbers.astype(np.int64))


def mask_items(mask: NDArray[np.generic], items: int, noun: str, title: str) -> Tensor:
    """[count] int64: where a mask holds; it must have a place for every item.

    Raises:
        DataFault: another length, or a value that is neither 0 nor 1.
    """
    if mask.shape != (items,):
        raise DataFault(noun, f"{title} has shape {list(mask.shape)} for {items:,} items")
    if mask.dtype.kind not in "iufb" or bool(((mask != 0) & (mask != 1)).any()):
        raise DataFault(noun, f"{title} holds something else than 0 and 1")
    return torch.from_numpy(np.flatnonzero(mask))


def _check_features(graph: Graph) -> None:
    features = graph.features
    if len(features.shape) != 2 or 0 in features.shape:
        raise DataFault("features", f"the features have shape {list(features.shape)}; both must be above 0")
    if isinstance(features, SparseMatrix):
        _check_compressed(features)
    values = features if isinstance(features, Tensor) else features.values
    if not values.is_floating_point():
        raise DataFault("features", f"the features are {str(values.dtype).removeprefix('torch.')}, not real numbers")
    finite = torch.isfinite(values)
    if bool(finite.all()):
        return
    if isinstance(features, Tensor):
        row, column = (~finite).nonzero()[0].tolist()
        value = float(features[row, column])
    else:
        place = int((~finite).nonzero()[0])
        row, column = int(features.row_of_entry[place]), int(features.columns[place])
        value = float(values[place])
    raise DataFault("features", f"node {row:,} has {value} as feature {column:,}")


def _check_compressed(features: SparseMatrix) -> None:
    pointers, columns = features.row_pointers, features.columns
    rises = pointers.numel() == features.shape[0] + 1 and not bool((pointers.diff() < 0).any())
    if not rises or int(pointers[0]) != 0 or int(pointers[-1]) != columns.numel():
        raise DataFault("features", "the row pointers of the sparse features do not fit their rows and entries")
    outside = columns[(columns < 0) | (columns >= features.shape[1])]
    if outside.numel():
        raise DataFault("features", f"an entry stands in column {int(outside[0])} of {features.shape[1]:,}")


def _check_graphs(graph: Graph) -> None:
    pointers = graph.graph_pointers
    rises = pointers.dim() == 1 and pointers.numel() > 1 and not bool((pointers.diff() < 0).any())
    if not rises or int(pointers[0]) != 0:
        raise DataFault("graphs", "the graph pointers do not rise from 0")
    if int(pointers[-1]) != graph.num_nodes:
        raise DataFault("graphs", f"the graphs end with node {int(pointers[-1]):,} of {graph.num_nodes:,}")
    empty = (pointers.diff() == 0).nonzero().flatten()
    if empty.numel():
        raise DataFault("graphs", f"graph {int(empty[0]):,} has no node")


def _check_within_graphs(graph: Graph) -> None:
    if graph.num_graphs == 1:
        return
    one, other = graph.graph_of_node[graph.edge_index]
    astray = (one != other).nonzero().flatten()
    if astray.numel():
        source, target = graph.edge_index[:, astray[0]].tolist()
        which = f"graphs {int(one[astray[0]]):,} and {int(other[astray[0]]):,}"
        raise DataFault("edges", f"an edge joins nodes {source:,} and {target:,}, which are in {which}")


def check_labels(dataset: Dataset) -> None:
    """Raises DataFault unless there is a label for each item, and each is one that the task knows, or -1."""
    labels, classes = dataset.labels, dataset.num_classes
    if dataset.level == "pair" and dataset.graph.pairs is None:
        raise DataFault("pairs", f"the graph names no pairs of nodes, and {dataset.task} is about those")
    kind, items = TASKS.get(dataset.task).labels, ITEMS[dataset.level].count(dataset.graph)
    multilabel = kind == "set"
    wanted = [items, classes] if multilabel else [items]
    if list(labels.shape) != wanted:
        raise DataFault("labels", f"the labels have shape {list(labels.shape)}, the task wants {wanted}")
    if classes < 1:
        raise DataFault("labels", f"there are {classes} classes")
    if multilabel:
        wrong = ((labels != 0) & (labels != 1)).nonzero()
        if wrong.numel():
            item, column = wrong[0].tolist()
            raise DataFault(
                "labels", f"item {item:,} has {float(labels[item, column])} as label {column:,}, not 0 or 1"
            )
        return
    if kind == "binary" and classes != 1:
        raise DataFault("labels", f"there are {classes} classes, and {dataset.task} tells one thing of an item: say 1")
    classes = 2 if kind == "binary" else classes
    outside = ((labels < -1) | (labels >= classes)).nonzero().flatten()
    if outside.numel():
        first = int(outside[0])
        known = "labels are 0 and 1" if kind == "binary" else f"there are {classes} classes"
        why = f"item {first:,} has label {int(labels[first])}; {known}, and -1 is no label"
        raise DataFault("labels", why)
    if bool((labels < 0).all()):
        raise DataFault("labels", "no item has a label")
    judge = METRICS.get(dataset.metric)
    if judge.classes is not None and classes != judge.classes:
        judged = ", ".join(map(str, range(judge.classes - 1))) + f" and {judge.classes - 1}"
        raise DataFault("labels", f"{judge.title} judges labels {judged}, and there are {classes} classes")


def _with_tidy_edges(dataset: Dataset) -> Dataset:
    graph = dataset.graph
    if TYPE in graph.edge_columns:
        tidied, kinds = tidy_typed(graph.edge_index, graph.edge_type, graph.num_nodes)
        columns: Columns = {TYPE: kinds}
    else:
        tidied = tidy(graph.edge_index, graph.num_nodes)
        columns = {}
    if not tidied.self_loops and not tidied.repeats:
        return dataset
    if set(graph.edge_columns) - {TYPE}:
        columns = {**columns_along(graph, tidied.edge_index), **columns}
    return Dataset.build(
        dataset.name,
        dataset.task,
        dataset.metric,
        graph.with_edges(tidied.edge_index, columns),
        dataset.labels,
        dataset.num_classes,
        dataset.fixed_splits,
        dataset.unlabelled,
        dataset.self_loops + tidied.self_loops,
        dataset.repeats + tidied.repeats,
    )


def _labelled(dataset: Dataset, parts: Indices) -> Indices:
    """The parts of a published split less the items without a label."""
    if dataset.labels.dim() > 1 or not bool((dataset.labels < 0).any()):
        return parts
    train, val, test = (_keep(items, dataset.labels) for items in parts)
    return train, val, test


def _keep(items: Tensor, labels: Tensor) -> Tensor:
    inside = (items >= 0) & (items < labels.numel())  # what is outside is told by `check_parts`
    return items[~inside | (labels[items.clamp(0, labels.numel() - 1)] >= 0)]
