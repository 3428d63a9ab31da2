"""Files of `torch.save`: a PyG `Data`, a list of them, an `InMemoryDataset`'s saved tensors, a dict of tensors.

They are read with `weights_only`: tensors and the classes that PyG declares safe, and no code.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.files.arrays import MASKS, Raw, raw_graph

HOW_TO_SAVE = "save with torch.save(data, PATH), data a torch_geometric.data.Data that holds tensors alone"


def read_torch(path: Path) -> Raw:
    """The graph, or the union of the graphs, of a `.pt` file.

    Raises:
        DataFault: it is none of the above, or would run code.
    """
    from torch_geometric.data.data import DataEdgeAttr, DataTensorAttr  # PyG declares its Data safe, not its parts
    from torch_geometric.data.storage import GlobalStorage

    parts = [DataEdgeAttr, DataTensorAttr, GlobalStorage]
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(parts):
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # a damaged file may raise anything; nothing of it was run
        found = re.search(
            r"(?:GLOBAL|class) ([\w.]+) (?:was not|whose module)|[Uu]nsupported class ([\w.]+)", str(error)
        )
        if found is not None:
            name = found[1] or found[2]
            raise DataFault("file", f"it holds the code {name!r}, and no code is run; {HOW_TO_SAVE}") from None
        raise DataFault("file", f"it is no file of torch.save, or damaged; {HOW_TO_SAVE}") from None
    return from_python(content)


def from_python(content: Any) -> Raw:
    """A `Data`, a list of them, `(data, slices[, class])`, or a mapping of arrays.

    Raises:
        DataFault: it is none of these.
    """
    from torch_geometric.data import Data, HeteroData
    from torch_geometric.data.dataset import Dataset

    if isinstance(content, Dataset):
        content = [content[number] for number in range(len(content))]
    saved = isinstance(content, tuple) and len(content) in (2, 3) and isinstance(content[0], (Data, Mapping))
    if saved and (content[1] is None or isinstance(content[1], Mapping)):
        stored, slices = _mapping(content[0]), content[1]
        return _of_slices(stored, slices) if slices else raw_graph(_as_arrays(stored))
    if isinstance(content, (Data, Mapping)):
        return raw_graph(_as_arrays(_mapping(content)))
    if isinstance(content, Sequence) and content and all(isinstance(each, Data) for each in content):
        return (
            raw_graph(_as_arrays(_mapping(content[0]))) if len(content) == 1 else _of_many(list(map(_mapping, content)))
        )
    if isinstance(content, HeteroData):
        raise DataFault("file", "it holds a HeteroData; graphs of several types of nodes come by a function: python:")
    raise DataFault("file", f"it holds a {type(content).__name__}, not a Data or a list of them; {HOW_TO_SAVE}")


def _mapping(data: Any) -> dict[str, Any]:
    try:
        content = dict(data) if isinstance(data, Mapping) else data.to_dict()
    except Exception:  # an object that was restored without its parts
        raise DataFault("file", f"it holds a Data that is not whole; {HOW_TO_SAVE}") from None
    return {str(name): value for name, value in content.items() if value is not None}


def _as_arrays(content: Mapping[str, Any]) -> dict[str, Any]:
    """Tensors as NumPy arrays; what is no array is left out, but for what a graph needs."""
    found = {}
    for name, value in content.items():
        if isinstance(value, Tensor):
            dense = value.to_dense() if value.layout != torch.strided else value
            if dense.is_complex() or dense.is_quantized:
                raise DataFault("file", f"{name!r} is {str(dense.dtype).removeprefix('torch.')}, not real numbers")
            found[name] = dense.detach().float().numpy() if dense.dtype == torch.bfloat16 else dense.detach().numpy()
        elif isinstance(value, np.ndarray):
            found[name] = value
        elif isinstance(value, int) and not isinstance(value, bool) and name == "num_classes":
            found[name] = np.array(value)
        elif name in ("x", "edge_index", "y", "edge_attr", "edge_weight", *MASKS):
            raise DataFault("file", f"{name!r} is a {type(value).__name__}, not a tensor")
    return found


def _of_many(graphs: Sequence[Mapping[str, Any]]) -> Raw:
    """The disjoint union, the labels of the graphs one after another."""
    each = [_as_arrays(graph) for graph in graphs]
    nodes = []
    for number, arrays in enumerate(each):
        missing = next((name for name in ("x", "edge_index") if name not in arrays), None)
        if missing is not None:
            raise DataFault("keys", f"graph {number:,} has no {missing!r}")
        if arrays["x"].ndim != 2 or arrays["x"].shape[1] != each[0]["x"].shape[-1]:
            raise DataFault("features", f"graph {number:,} has features of shape {list(arrays['x'].shape)}")
        nodes.append(arrays["x"].shape[0])
        index = arrays["edge_index"]
        if index.ndim != 2 or index.shape[0] != 2 or index.dtype.kind not in "iu":
            raise DataFault("edges", f"graph {number:,} has 'edge_index' {index.dtype} {list(index.shape)}")
        outside = (index < 0) | (index >= nodes[-1])
        if outside.any():
            node = int(index[outside][0])
            raise DataFault("edges", f"graph {number:,} has an edge of node {node}, and {nodes[-1]:,} nodes")
    shifts = np.concatenate([[0], np.cumsum(nodes)])
    joined = {
        "x": np.concatenate([arrays["x"] for arrays in each]),
        "edge_index": np.concatenate(
            [arrays["edge_index"] + shift for arrays, shift in zip(each, shifts[:-1], strict=True)], axis=1
        ),
        "batch": np.repeat(np.arange(len(nodes)), nodes),
    }
    for name in ("y", "edge_attr", "edge_weight", *MASKS):
        having = [number for number, arrays in enumerate(each) if name in arrays]
        if not having:
            continue
        if len(having) < len(each):
            if name in MASKS:
                continue
            lacking = min(set(range(len(each))) - set(having))
            raise DataFault("labels" if name == "y" else "edges", f"graph {lacking:,} has no {name!r}, and others have")
        parts = [_row(arrays[name]) for arrays in each]
        if len({part.shape[1:] for part in parts}) > 1:
            raise DataFault("labels" if name == "y" else "edges", f"{name!r} is not of one width in all graphs")
        joined[name] = np.concatenate(parts)
    return raw_graph(joined)


def _row(array: Any) -> Any:
    return array.reshape(1) if array.ndim == 0 else array


def _of_slices(content: Mapping[str, Any], slices: Mapping[str, Any]) -> Raw:
    """What `InMemoryDataset.collate` joined: graph g owns slices[g] : slices[g + 1] along each array's last or first
    axis, its arcs numbered within it."""
    ends = slices.get("x")
    if not isinstance(ends, Tensor) or "edge_index" not in slices:
        raise DataFault("keys", "its slices are not those of 'x' and 'edge_index'")
    graphs = []
    for number in range(len(ends) - 1):
        graph = {}
        for name, value in content.items():
            own = slices.get(name)
            if not isinstance(value, Tensor) or own is None:
                continue
            first, last = int(own[number]), int(own[number + 1])
            graph[name] = value[:, first:last] if name == "edge_index" else value[first:last]
        graphs.append(graph)
    return _of_many(graphs)
