"""Ten folds of whole graphs with inner selection, as Errica et al. (ICLR 2020) publish them for eight sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from graph_distillery.bench.data.dataset import Indices
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.info import DatasetInfo
from graph_distillery.bench.data.raw_files import MissingFilesError, RawFiles

GNN_COMPARISON = "gnn-comparison"
#: Where a mirror or the data folder holds the files.
PLACE = "_extra/splits/gnn-comparison"
FOLDS = 10

_URL = (
    "https://raw.githubusercontent.com/diningphil/gnn-comparison/097d0a2c172149075e40ece474c30c222526dbcb/data_splits"
)
#: By the set's title: the folder of its file. Of the social networks they drew folds twice, for graphs with and without
#: degrees as features; taken are those of the folder without, whatever features a set has here.
_FOLDERS = {
    "DD": "CHEMICAL",
    "ENZYMES": "CHEMICAL",
    "NCI1": "CHEMICAL",
    "PROTEINS": "CHEMICAL",
    "COLLAB": "COLLABORATIVE_1",
    "IMDB-BINARY": "COLLABORATIVE_1",
    "IMDB-MULTI": "COLLABORATIVE_1",
    "REDDIT-BINARY": "COLLABORATIVE_1",
}


def has_folds(title: str) -> bool:
    """Whether folds are published of a set of TUDataset."""
    return title in _FOLDERS


def folds_place(info: DatasetInfo) -> tuple[str, list[str]]:
    """Folder and file of the folds of a set; the folds of PROTEINS are of the graphs of PROTEINS_full, the same."""
    title = "PROTEINS_full" if info.title == "PROTEINS" else info.title
    return PLACE, [f"{title}_splits.json"]


def published_folds(info: DatasetInfo, raw: RawFiles, graphs: int) -> dict[str, list[Indices]]:
    """The ten folds, each with the one inner split that selects; none where their file is not to be had.

    Raises:
        UserError: the file is torn or says something else.
        DataFault: folds that are not of so many graphs, each tested once.
    """
    if not has_folds(info.title):
        return {}
    place, files = folds_place(info)
    try:
        path = raw.obtain(place, files, lambda to: _download(to / place, info.title, files[0])) / files[0]
    except MissingFilesError:
        return {}
    raw.carriers[f"split {GNN_COMPARISON}"] = path
    with raw.blame(path):
        folds = [_fold(each) for each in json.loads(path.read_bytes())]
        if len(folds) != FOLDS:
            raise ValueError(f"{len(folds)} folds, not {FOLDS}")
    _check(folds, graphs)
    return {GNN_COMPARISON: folds}


def _check(folds: list[Indices], graphs: int) -> None:
    """Every graph is tested in one fold, and every fold divides all graphs; what they share is told at the end."""
    noun = f"split {GNN_COMPARISON}"
    tested = torch.cat([test for *_, test in folds])
    if not torch.equal(tested.sort().values, torch.arange(graphs)):
        raise DataFault(noun, f"its folds do not test each of {graphs:,} graphs once")
    for number, parts in enumerate(folds):
        count = sum(part.numel() for part in parts)
        if count != graphs:
            raise DataFault(f"{noun} {number}", f"fold {number} has {count:,} of {graphs:,} graphs")


def _fold(told: dict[str, Any]) -> Indices:
    (inner,) = told["model_selection"]
    return _numbers(inner["train"]), _numbers(inner["validation"]), _numbers(told["test"])


def _numbers(told: list[Any]) -> Tensor:
    wrong = [each for each in told if type(each) is not int]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no number of a graph")
    return torch.tensor(told, dtype=torch.long).sort().values


def _download(to: Path, title: str, file: str) -> None:
    from torch_geometric.data import download_url

    download_url(f"{_URL}/{_FOLDERS[title]}/{file}", str(to), log=False)
