"""What the arrays of a graph are called in every kind of file, and what they must be to become one.

| array | other names | shape |
|---|---|---|
| `x` | `features`, `node_features` | [nodes, width] |
| `edge_index` | - | [2, arcs] |
| `edges` | - | [arcs, 2] |
| `y` | `labels`, `node_labels` | [items], or [items, classes] of 0 and 1; -1 is no label |
| `edge_weight` | - | [arcs], not negative |
| `edge_attr` | - | [arcs] or [arcs, width] |
| `train_mask`, `val_mask`, `test_mask` | `train_masks` and so on | [items], [items, splits] or [splits, items] |
| `batch` | - | [nodes], rising: the graph of each node |
| `num_classes` | - | one number |

`adj_*` and `attr_*` of Shchur et al. (2018), matrices in compressed rows, serve as `edges` (with `edge_weight`, where
an entry is not 1) and `x`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graph_distillery.bench.data.checks import mask_items
from graph_distillery.bench.data.dataset import Indices
from graph_distillery.bench.data.edges import check_ends
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.methods.contract.columns import ATTRIBUTES, WEIGHT, Columns
from graph_distillery.near_names import did_you_mean, hint

Arrays = Mapping[str, NDArray[Any]]

MASKS = ("train_mask", "val_mask", "test_mask")
NAMES: dict[str, tuple[str, ...]] = {
    "x": ("x", "features", "node_features"),
    "edge_index": ("edge_index", "edges"),
    "y": ("y", "labels", "node_labels"),
    **{mask: (mask, f"{mask}s") for mask in MASKS},
}
#: From this likeness on a name is taken for a slip: `edge_weights`, but not `edge_type` for `edge_attr`.
_MISSPELT = 0.9
_COMPRESSED = {"edges": "adj", "features": "attr"}
_PARTS = ("data", "indices", "indptr", "shape")


@dataclass(frozen=True)
class Raw:
    """The arrays of one graph or the union of several, as a file has them; arcs are not tidied yet.

    labels: [items] int64 or [items, classes] float32; None where there are none. masks: items of training, validation
    and test, a choice for each split that the file has. node_names, class_names: what the file calls them, where it
    has names. carriers: the files that edges, labels and the like come from, where that is not the file itself.
    """

    features: Tensor
    edges: Tensor
    labels: Tensor | None = None
    edge_columns: Columns = field(default_factory=dict)
    graph_pointers: Tensor | None = None
    masks: tuple[Indices, ...] = ()
    num_classes: int | None = None
    node_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    carriers: Mapping[str, Path] = field(default_factory=dict)


def raw_graph(arrays: Arrays, **more: Any) -> Raw:
    """The graph that named arrays make; `more` goes to `Raw` as it is.

    Raises:
        DataFault: an array is missing, or has a shape or values that cannot be.
    """
    arrays = _uncompressed(arrays)
    features = _features(arrays[_named(arrays, "x")])
    edges = _edges(arrays, features.shape[0])
    pointers = _pointers(arrays["batch"], features.shape[0]) if "batch" in arrays else None
    name = _found(arrays, "y")
    labels = None if name is None else _labels(arrays[name])
    counted = "num_classes" in arrays
    _refuse_misspelt(arrays)
    masks: tuple[Indices, ...] = ()
    given = [found for mask in MASKS if (found := _found(arrays, mask)) is not None]
    if given and len(given) < len(MASKS):
        missing = next(mask for mask in MASKS if _found(arrays, mask) is None)
        raise DataFault("split public", f"there is {given[0]!r} and no {missing!r}; a split is all three")
    if labels is not None and given:
        masks = _splits([arrays[name] for name in given], labels.shape[0])
    return Raw(
        features,
        edges,
        labels,
        _edge_columns(arrays, edges.shape[1]),
        pointers,
        num_classes=_whole(arrays["num_classes"]) if counted else None,
        **{"masks": masks, **more},
    )


def _found(arrays: Arrays, name: str) -> str | None:
    return next((each for each in NAMES[name] if each in arrays), None)


def _refuse_misspelt(arrays: Arrays) -> None:
    """An array whose name is a letter or two beside one that is read and is not there: weights say, left out unseen."""
    names = {**NAMES, **{name: (name,) for name in ("edge_weight", "edge_attr", "batch", "num_classes")}}
    of = {each: name for name, given in names.items() for each in given}
    for strange in (each for each in arrays if each not in of):
        near = get_close_matches(strange, of, n=1, cutoff=_MISSPELT)
        if near and not any(each in arrays for each in names[of[near[0]]]):
            raise DataFault("keys", f"{strange!r} means nothing here; {did_you_mean(near[0])}")


def _named(arrays: Arrays, name: str) -> str:
    found = _found(arrays, name)
    if found is None:
        known = [each for names in NAMES.values() for each in names]
        strange = [each for each in arrays if each not in known]
        held = f"it holds {', '.join(list(arrays)[:8])}" if arrays else "it holds nothing"
        near = next((hint(each, NAMES[name]) for each in strange if hint(each, NAMES[name]).startswith("did")), "")
        also = f" (also called {', '.join(NAMES[name][1:])})"
        raise DataFault("keys", f"there is no {name!r}{also}: {held}" + (f"; {near}" if near else ""))
    return found


def _uncompressed(arrays: Arrays) -> Arrays:
    """With `edges` and `features` in the place of matrices in compressed rows."""
    found = dict(arrays)
    for name, prefix in _COMPRESSED.items():
        parts = [f"{prefix}_{part}" for part in _PARTS]
        if not all(part in arrays for part in parts):
            continue
        values, columns, pointers, shape = (found.pop(part) for part in parts)
        rows, width = (int(size) for size in shape.reshape(-1)) if shape.size == 2 else (-1, -1)
        fits = pointers.shape == (rows + 1,) and columns.shape == values.shape
        if not fits or bool((np.diff(pointers) < 0).any()) or int(pointers[-1]) != columns.shape[0]:
            raise DataFault(name, f"the parts of the matrix {prefix} do not fit each other")
        row = np.repeat(np.arange(rows), np.diff(pointers))
        if name == "edges":
            found[name] = np.stack([row, columns.astype(np.int64)], axis=1)
            if bool((values != 1).any()):
                found.setdefault("edge_weight", values)
            continue
        outside = np.flatnonzero((columns < 0) | (columns >= width))
        if outside.size:
            raise DataFault(name, f"a feature stands in column {int(columns[outside[0]]):,} of {width:,}")
        dense = np.zeros((rows, width), np.float32)
        dense[row, columns] = values
        found[name] = dense
    return found


def _numbers(array: NDArray[Any], noun: str, title: str) -> NDArray[Any]:
    if array.dtype.kind not in "iufb":
        kind = "text" if array.dtype.kind in "US" else str(array.dtype)
        raise DataFault(noun, f"{title} are {kind}, not numbers")
    return array


def _features(array: NDArray[Any]) -> Tensor:
    if _numbers(array, "features", "the features").ndim != 2:
        raise DataFault("features", f"the features have shape {list(array.shape)}, not [nodes, width]")
    wide = array.astype(np.float64)
    narrow = wide.astype(np.float32)
    lost = np.isfinite(wide) & ~np.isfinite(narrow)
    if lost.any():
        row, column = np.argwhere(lost)[0].tolist()
        raise DataFault("features", f"node {row:,} has {wide[row, column]} as feature {column:,}, beyond float32")
    return torch.from_numpy(narrow)


def _edges(arrays: Arrays, nodes: int) -> Tensor:
    name = _named(arrays, "edge_index")
    array = _numbers(arrays[name], "edges", "the edges")
    wanted = "[2, arcs]" if name == "edge_index" else "[arcs, 2]"
    if array.ndim != 2 or array.shape[0 if name == "edge_index" else 1] != 2:
        raise DataFault("edges", f"{name!r} has shape {list(array.shape)}, not {wanted}")
    if array.dtype.kind not in "iu":
        raise DataFault("edges", f"{name!r} is {array.dtype}, not whole numbers")
    pairs = array if name == "edge_index" else array.T
    if array.dtype == np.uint64 and array.size and int(array.max()) >= 2**63:
        raise DataFault("edges", f"{name!r} holds {int(array.max())}, and there are {nodes:,} nodes")
    edges = torch.from_numpy(np.ascontiguousarray(pairs.astype(np.int64)))
    check_ends(edges, nodes)
    return edges


def _pointers(batch: NDArray[Any], nodes: int) -> Tensor:
    if batch.shape != (nodes,) or batch.dtype.kind not in "iu":
        raise DataFault("graphs", f"'batch' is {batch.dtype} {list(batch.shape)}, not a whole number for each node")
    if bool((np.diff(batch) < 0).any()) or bool((batch < 0).any()):
        raise DataFault("graphs", "'batch' does not rise: the nodes of a graph must stand together")
    counts = np.bincount(batch)
    return torch.from_numpy(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))


def _labels(array: NDArray[Any]) -> Tensor:
    """-1 stays: no label."""
    if array.ndim == 2 and 1 in array.shape:
        array = array.reshape(-1)
    array = _numbers(array, "labels", "the labels").astype(np.float64)
    if array.ndim not in (1, 2):
        raise DataFault("labels", f"the labels have shape {list(array.shape)}, not [items] or [items, classes]")
    wrong = np.argwhere(~np.isfinite(array) | (array != np.floor(array)) | (array < -1) | (array >= 2**31))
    if wrong.size:
        place = tuple(wrong[0].tolist())
        raise DataFault(
            "labels", f"item {place[0]:,} has label {array[place]}; classes are numbered from 0, and -1 is no label"
        )
    return torch.from_numpy(array).float() if array.ndim == 2 else torch.from_numpy(array).long()


def _whole(array: NDArray[Any]) -> int:
    if array.size != 1 or array.dtype.kind not in "iu" or int(array.reshape(-1)[0]) < 1:
        raise DataFault("labels", "'num_classes' is not one whole number above 0")
    return int(array.reshape(-1)[0])


def _splits(masks: list[NDArray[Any]], items: int) -> tuple[Indices, ...]:
    """Of masks [items], [items, splits] or [splits, items]."""
    columns = []
    for name, mask in zip(MASKS, masks, strict=True):
        if mask.ndim == 2 and mask.shape[0] != items and mask.shape[1] == items:
            mask = mask.T
        if mask.ndim > 2 or mask.shape[:1] != (items,):
            raise DataFault("split public", f"{name!r} has shape {list(mask.shape)} for {items:,} items")
        columns.append(mask.reshape(items, -1))
    counts = {mask.shape[1] for mask in columns}
    if len(counts) > 1:
        raise DataFault("split public", "the masks of training, validation and test are not of as many splits")
    found = []
    for number in range(counts.pop()):
        parts = [
            mask_items(mask[:, number], items, "split public", repr(name))
            for name, mask in zip(MASKS, columns, strict=True)
        ]
        found.append((parts[0], parts[1], parts[2]))
    return tuple(found)


def _edge_columns(arrays: Arrays, count: int) -> dict[str, Tensor]:
    found = {}
    for key, name in (("edge_weight", WEIGHT), ("edge_attr", ATTRIBUTES)):
        if key not in arrays:
            continue
        array = _numbers(arrays[key], "edges", f"{key!r}")
        if key == "edge_weight" and array.ndim == 2 and 1 in array.shape:
            array = array.reshape(-1)
        if array.ndim not in (1, 2) or array.shape[0] != count or (key == "edge_weight" and array.ndim != 1):
            raise DataFault("edges", f"{key!r} has shape {list(array.shape)} for {count:,} arcs")
        values = torch.from_numpy(array.astype(np.float32))
        wrong = (~torch.isfinite(values)).nonzero()
        if wrong.numel():
            place = tuple(wrong[0].tolist())
            raise DataFault("edges", f"arc {place[0]:,} has {float(values[place])} in {key!r}")
        if key == "edge_weight" and bool((values < 0).any()):
            first = int((values < 0).nonzero()[0])
            raise DataFault("edges", f"arc {first:,} has weight {float(values[first])}; signed ones are 'edge_attr'")
        found[name] = values if key == "edge_weight" else values.reshape(count, -1)
    return found
