"""Files that cannot be: exit code 2, one line that names the file, nothing executed, nothing written."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from graph_distillery.bench.cli import main

Arrays = dict[str, Any]


class Bomb:
    """Unpickled, it makes the file `executed` in the folder that it is read in."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("executed",)


def archive(change: Callable[[Arrays], Any]) -> Callable[[Path, Arrays], str]:
    """An archive of the graph's arrays after a change."""

    def write(folder: Path, arrays: Arrays) -> str:
        change(arrays)
        np.savez(folder / "g.npz", **arrays)
        return "g.npz"

    return write


def saved(make: Callable[[Data], Any]) -> Callable[[Path, Arrays], str]:
    """What is made of the graph's `Data`, by torch.save."""

    def write(folder: Path, arrays: Arrays) -> str:
        data = Data(**{name: torch.from_numpy(array) for name, array in arrays.items()})
        torch.save(make(data), folder / "g.pt")
        return "g.pt"

    return write


def put(name: str, place: Any, value: Any) -> Callable[[Arrays], Any]:
    return lambda arrays: arrays[name].__setitem__(place, value)


def rename(old: str, new: str) -> Callable[[Arrays], Any]:
    return lambda arrays: arrays.__setitem__(new, arrays.pop(old))


def replace(name: str, change: Callable[[Any], Any]) -> Callable[[Arrays], Any]:
    return lambda arrays: arrays.__setitem__(name, change(arrays[name]))


def with_bomb(folder: Path, arrays: Arrays) -> str:
    (folder / "g.pt").write_bytes(pickle.dumps({"x": Bomb()}))
    return "g.pt"


def objects(folder: Path, arrays: Arrays) -> str:
    np.savez(folder / "g.npz", **{**arrays, "x": np.array([Bomb()] * 60, object)})
    return "g.npz"


def empty(folder: Path, arrays: Arrays) -> str:
    (folder / "g.npz").touch()
    return "g.npz"


def half(folder: Path, arrays: Arrays) -> str:
    np.savez(folder / "g.npz", **arrays)
    content = (folder / "g.npz").read_bytes()
    (folder / "g.npz").write_bytes(content[: len(content) // 2])
    return "g.npz"


def text_in_table(folder: Path, arrays: Arrays) -> str:
    (folder / "nodes.csv").write_text("id,label,age\na,0,3\nb,1,old\nc,0,4\n")
    (folder / "edges.csv").write_text("source,target\na,b\n")
    return "edges.csv"


def stranger_in_table(folder: Path, arrays: Arrays) -> str:
    (folder / "nodes.csv").write_text("id,label,age\na,0,3\nb,1,5\nc,0,4\n")
    (folder / "edges.csv").write_text("source,target\na,b\nb,d\n")
    return "edges.csv"


WRONG: dict[str, tuple[Callable[[Path, Arrays], str], str]] = {
    "wrong keys": (archive(rename("x", "featurs")), "there is no 'x'.*did you mean 'features'"),
    "features of one dimension": (archive(replace("x", np.ravel)), r"the features have shape \[300\]"),
    "edges of three rows": (archive(replace("edge_index", lambda e: np.vstack([e, e[:1]]))), r"shape \[3, 240\]"),
    "edges that are no whole numbers": (archive(replace("edge_index", lambda e: e + 0.5)), "not whole numbers"),
    "an edge beyond the nodes": (archive(put("edge_index", (1, 7), 60)), "edge 7 joins nodes .* the nodes are 0 to 59"),
    "NaN among the features": (archive(put("x", (4, 2), np.nan)), "node 4 has nan as feature 2"),
    "labels as text": (archive(replace("y", lambda y: y.astype(str))), "the labels are text"),
    "too few labels": (archive(lambda a: a.update(y=a["y"][:50], train_mask=a["train_mask"][:50],
        val_mask=a["val_mask"][:50], test_mask=a["test_mask"][:50])), "50 labels for 60 nodes"),
    "a label beyond the classes": (
        archive(lambda a: a.update(num_classes=3) or put("y", 5, 3)(a)), "item 5 has label 3; there are 3 classes"),
    "masks of two parts": (archive(lambda a: a.pop("val_mask")), "there is 'train_mask' and no 'val_mask'"),
    "weights under a misspelt name": (
        archive(rename("edge_weight", "edge_weights")), "'edge_weights' means nothing.*mean 'edge_weight'"),
    "a label beyond the items": (archive(put("y", 5, 1000)), "item 5 has label 1000"),
    "a negative label": (archive(put("y", 5, -2)), "item 5 has label -2"),
    "masks that overlap": (archive(replace("val_mask", np.ones_like)), "share 36 nodes"),
    "a mask of another length": (archive(replace("val_mask", lambda m: m[:9])), r"'val_mask' has shape \[9\]"),
    "a negative weight": (archive(put("edge_weight", 3, -1.0)), "arc 3 has weight -1"),
    "a pickle with code": (with_bomb, "no code is run; save with torch.save|no file of torch.save"),
    "code in a file of torch.save": (saved(lambda data: {"x": Bomb()}), "the code '.*mkdir', and no code is run"),
    "objects in an archive": (objects, "array 'x' holds Python objects, and no code is run"),
    "something else in a file of torch.save": (saved(lambda data: data.x), "it holds a Tensor, not a Data"),
    "text in place of a tensor": (saved(lambda data: Data(x="features")), "'x' is a str, not a tensor"),
    "an empty file": (empty, "the file is empty"),
    "half a file": (half, "damaged"),
    "text in a number column": (text_in_table, r"nodes\.csv: row 2, column 'age' holds 'old', not a number"),
    "an edge of an unknown node": (stranger_in_table, r"edges\.csv: row 2 names node 'd'"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_refused_in_one_line(
    case: str, arrays: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write, line = WRONG[case]
    monkeypatch.chdir(tmp_path)
    file = write(tmp_path, arrays)
    before = sorted(tmp_path.rglob("*"))
    command = ["run", "--dataset", f"file:{file},name=mine", "--method", "majority", "--seeds", "0", "--out", "store"]
    assert main(command) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1, told.err
    assert str(tmp_path) in told.err
    assert re.search(line, told.err), told.err
    assert sorted(tmp_path.rglob("*")) == before, "something was written, or executed"
