"""Graphs as tables, CSV or parquet: one of edges and one of nodes, and where there are own splits a third.

Edges: `source`, `target`, and where wanted `weight` and more numbers, the attributes. Nodes: `id` (left out, rows are
numbered from 0), `label` (a number or a word; empty is no label), `split` (train, val or test; empty is none of them),
and numbers, the features. Splits: `id`, and a column of train, val and test for each split.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graph_distillery.bench.data.dataset import Indices
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.files.arrays import Raw, raw_graph
from graph_distillery.near_names import hint

if TYPE_CHECKING:
    import pandas as pd

ENDS, WEIGHT, ID, LABEL, SPLIT = ("source", "target"), "weight", "id", "label", "split"
PARTS = ("train", "val", "test")
#: What is read as it is written; everything else is a number.
_TEXT = (*ENDS, ID, LABEL)
SUFFIXES = (".csv", ".parquet")


def read_tables(edges: Path, nodes: Path, splits: Path | None = None) -> Raw:
    """The graph of an edge list and a table of nodes.

    Raises:
        DataFault: a column is missing, a row names a node that is not there, or a number is none; row 1 is the first
            after the names.
    """
    table = _table(nodes, "nodes")
    names = _names(table)
    numbered = {name: number for number, name in enumerate(names)}
    columns = [name for name in table.columns if name not in (ID, LABEL, SPLIT)]
    if not columns:
        raise DataFault("nodes", "no column of features: every column but id, label and split is one")
    arrays: dict[str, Any] = {"x": _matrix(table, columns, "nodes")}
    labels, class_names = _labels(table[LABEL]) if LABEL in table else (None, ())
    if labels is not None:
        arrays["y"] = labels
    listed = _table(edges, "edges")
    if missing := [end for end in ENDS if end not in listed]:
        raise DataFault("edges", f"no column {missing[0]!r}; {hint(missing[0], listed.columns, 'it has')}")
    arrays["edge_index"] = np.stack([_places(listed[end], numbered, "edges") for end in ENDS])
    others = [name for name in listed.columns if name not in (*ENDS, WEIGHT)]
    if WEIGHT in listed:
        arrays["edge_weight"] = _matrix(listed, [WEIGHT], "edges")[:, 0]
    if others:
        arrays["edge_attr"] = _matrix(listed, others, "edges")
    masks: list[Indices] = [_parts(table[SPLIT], np.arange(len(names)), "nodes")] if SPLIT in table else []
    if splits is not None:
        masks = read_splits(splits, numbered)
    carriers = {"edges": edges, "nodes": nodes, "features": nodes, "labels": nodes}
    carriers["split"] = nodes if splits is None else splits
    own = names if ID in table else ()
    return raw_graph(arrays, masks=tuple(masks), node_names=own, class_names=class_names, carriers=carriers)


def read_splits(path: Path, numbered: dict[str, int]) -> list[Indices]:
    """A choice of items for every column beside `id`; numbered: the place of each item by its name.

    Raises:
        DataFault: an unknown item or part.
    """
    table = _table(path, "split")
    if ID not in table:
        raise DataFault("split", f"no column {ID!r}; {hint(ID, table.columns, 'it has')}")
    places = _places(table[ID], numbered, "split")
    columns = [name for name in table.columns if name != ID]
    if not columns:
        raise DataFault("split", "no column beside 'id' that says train, val or test")
    return [_parts(table[name], places, "split") for name in columns]


def _table(path: Path, noun: str) -> pd.DataFrame:
    """The table, its text columns as text and its names as they are."""
    import pandas as pd

    try:
        if path.suffix == ".parquet":
            table = pd.read_parquet(path)
        else:
            with path.open(encoding="utf-8-sig") as file:
                header = file.readline()
            named = [name.strip().strip('"') for name in header.rstrip("\r\n").split(",")]
            text = {name: str for name in named if name in _TEXT or name.startswith(SPLIT)}
            table = pd.read_csv(path, dtype=text, encoding="utf-8-sig", skipinitialspace=True, low_memory=False)
    except UnicodeDecodeError:
        raise DataFault(noun, "it is not text in UTF-8") from None
    except Exception as error:
        why = " ".join(str(error).split())[:120]
        raise DataFault(noun, f"it cannot be read as a table: {why}") from None
    table.columns = [str(name).strip() for name in table.columns]
    if twice := [name for name in table.columns if list(table.columns).count(name) > 1]:
        raise DataFault(noun, f"column {twice[0]!r} is there twice")
    if not len(table):
        raise DataFault(noun, "it has no row")
    return table


def _names(table: pd.DataFrame) -> tuple[str, ...]:
    if ID not in table:
        return tuple(map(str, range(len(table))))
    if bool(table[ID].isna().any()):
        raise DataFault("nodes", f"row {int(np.flatnonzero(table[ID].isna())[0]) + 1:,} has no id")
    names = tuple(str(name).strip() for name in table[ID])
    often, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataFault("nodes", f"{'two' if count == 2 else count} rows have the id {often!r}")
    return names


def _matrix(table: pd.DataFrame, columns: list[str], noun: str) -> NDArray[np.float64]:
    """[rows, columns] of numbers, or the first cell that is none."""
    import pandas as pd

    found = np.empty((len(table), len(columns)))
    for place, name in enumerate(columns):
        numbers = pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)
        wrong = np.flatnonzero(~np.isfinite(numbers))
        if wrong.size:
            cell = table[name].iloc[int(wrong[0])]
            what = "is empty or no number" if pd.isna(cell) else f"holds {str(cell)[:40]!r}, not a number"
            raise DataFault(noun, f"row {int(wrong[0]) + 1:,}, column {name!r} {what}")
        found[:, place] = numbers
    return found


def _labels(column: pd.Series[Any]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Class numbers as they are; words numbered in the order of the alphabet; -1 where the cell is empty."""
    import pandas as pd

    empty = column.isna().to_numpy()
    words = [str(word).strip() for word in column]
    numbers = pd.to_numeric(pd.Series(words), errors="coerce").to_numpy(np.float64)
    if not np.isnan(numbers[~empty]).any():
        return np.where(empty, -1.0, numbers), ()
    classes = tuple(sorted({word for word, none in zip(words, empty, strict=True) if not none}))
    place = {word: number for number, word in enumerate(classes)}
    return np.array([-1 if none else place[word] for word, none in zip(words, empty, strict=True)]), classes


def _places(column: pd.Series[Any], numbered: dict[str, int], noun: str) -> NDArray[np.int64]:
    """The node of every row."""
    places = np.array([numbered.get(str(name).strip(), -1) for name in column], np.int64)
    lost = np.flatnonzero(places < 0)
    if lost.size:
        row = int(lost[0])
        raise DataFault(noun, f"row {row + 1:,} names node {str(column.iloc[row])[:40]!r}, which is in no row of nodes")
    return places


def _parts(column: pd.Series[Any], places: NDArray[np.int64], noun: str) -> Indices:
    words = ["" if none else str(word).strip() for word, none in zip(column, column.isna(), strict=True)]
    for row, word in enumerate(words):
        if word and word not in PARTS:
            raise DataFault(noun, f"row {row + 1:,}: {word!r} is no part of a split; {hint(word, PARTS, 'parts are')}")
    train, val, test = (_chosen(words, part, places) for part in PARTS)
    return train, val, test


def _chosen(words: list[str], part: str, places: NDArray[np.int64]) -> Tensor:
    rows = [row for row, word in enumerate(words) if word == part]
    return torch.from_numpy(places[rows])
