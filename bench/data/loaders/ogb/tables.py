"""The compressed tables that every set of the Open Graph Benchmark comes in, and their download."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graph_distillery.bench.data.checks import PARTS
from graph_distillery.bench.data.dataset import Indices
from graph_distillery.bench.data.raw_files import RawFiles

#: As the archives call the parts of a split.
_PARTS = ("train", "valid", "test")


def table(
    raw: RawFiles, path: Path, kind: type[np.generic], columns: int | None = None, skipped: int = 0
) -> NDArray[Any]:
    """[lines, columns] of one file.

    Raises:
        UserError: it is torn, empty, or has another number of columns.
    """
    with raw.blame(path):
        found = np.loadtxt(path, kind, delimiter=",", ndmin=2, skiprows=skipped)
        if not found.size:
            raise ValueError("it is empty")
        if columns is not None and found.shape[1] != columns:
            raise ValueError(f"it has {found.shape[1]} columns, not {columns}")
    return found


def numbers(raw: RawFiles, path: Path) -> Tensor:
    """[lines] int64 of a file of one column."""
    return torch.from_numpy(table(raw, path, np.int64, 1)[:, 0])


def published_split(raw: RawFiles, folder: Path) -> dict[str, list[Indices]]:
    """The split in the three files of a folder, called `ogb`."""
    files = [folder / f"{part}.csv.gz" for part in _PARTS]
    train, val, test = (numbers(raw, file).sort().values for file in files)
    raw.carriers |= {f"split ogb {part}": file for part, file in zip(PARTS, files, strict=True)}
    return {"ogb": [(train, val, test)]}


def split_files() -> list[str]:
    """The names of the files that `published_split` reads."""
    return [f"{part}.csv.gz" for part in _PARTS]


def download(to: Path, place: str, url: str, inner: str) -> None:
    """An archive whose folder `inner` becomes `to / place`."""
    from torch_geometric.data import download_url, extract_zip

    extract_zip(download_url(url, str(to), log=False), str(to), log=False)
    os.replace(to / inner, to / place)


def sizes_of(counts: Tensor, lines: int, raw: RawFiles, path: Path, noun: str) -> Tensor:
    """[graphs + 1] places where each graph's lines begin, of how many it has.

    Raises:
        UserError: the counts do not sum to the lines that there are.
    """
    pointers = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    if bool((counts < 0).any()) or int(pointers[-1]) != lines:
        raise raw.damaged(path, f"it counts {int(pointers[-1]):,} {noun}, and there are {lines:,}")
    return pointers


def files_of(folder: str, names: Sequence[str]) -> list[str]:
    """Names below a folder, as `RawFiles.obtain` takes them."""
    return [f"{folder}/{name}" for name in names]
