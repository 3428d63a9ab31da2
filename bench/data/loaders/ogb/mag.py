"""ogbn-mag: papers, authors, institutions and fields of study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from graph_distillery.bench.data.checks import whole_labels
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.edges import tidy_typed
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.loaders.hgb.loader import typed_features
from graph_distillery.bench.data.loaders.hgb.raw import Nodes
from graph_distillery.bench.data.loaders.ogb.tables import download, files_of, published_split, split_files, table
from graph_distillery.bench.data.raw_files import RawFiles
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.methods.contract.columns import TypeNames
from graph_distillery.methods.contract.graph import Graph

_PLACE = "ogbn_mag"
_TYPES = ("paper", "author", "institution", "field_of_study")
_RELATIONS = (
    ("author", "affiliated_with", "institution"),
    ("author", "writes", "paper"),
    ("paper", "cites", "paper"),
    ("paper", "has_topic", "field_of_study"),
)
_COUNTS = "num-node-dict.csv.gz"
_FEATURES, _LABELS = "node-feat/paper/node-feat.csv.gz", "node-label/paper/node-label.csv.gz"


def ogbn_mag(name: str, raw: RawFiles) -> Dataset:
    """ogbn-mag (Hu et al., NeurIPS 2020) as one graph of typed nodes and edges, as HGB's sets are here."""

    def fetch(to: Path) -> None:
        from torch_geometric.datasets import OGB_MAG

        download(to, _PLACE, OGB_MAG.url, "mag")

    links = files_of("relations", [f"{'___'.join(relation)}/edge.csv.gz" for relation in _RELATIONS])
    folder = raw.obtain(f"{_PLACE}/raw", [_COUNTS, _FEATURES, _LABELS, *links], fetch)
    split_folder = raw.obtain(f"{_PLACE}/split/time/paper", split_files(), fetch)
    paths = {"nodes": folder / _COUNTS, "features": folder / _FEATURES, "labels": folder / _LABELS}
    raw.carriers = {**paths, "classes": folder / _LABELS, "edges": folder / links[0], "columns": folder / links[0]}
    counts = _counts(raw, folder / _COUNTS)
    arcs, types = _arcs(raw, [folder / link for link in links], counts)
    papers = table(raw, folder / _FEATURES, np.float32)
    labels = whole_labels(table(raw, folder / _LABELS, np.float64, 1))
    for noun, found in (("features", len(papers)), ("labels", len(labels))):
        if found != counts["paper"]:
            raise DataFault(noun, f"{found:,} {noun} for {counts['paper']:,} papers")
    tidied, kinds = tidy_typed(arcs, types, sum(counts.values()))
    node_types = np.repeat(np.arange(len(_TYPES)), list(counts.values()))
    names = tuple("-".join(relation) for relation in _RELATIONS)
    back = tuple(f"{end}-rev_{verb}-{start}" for start, verb, end in _RELATIONS)
    graph = Graph.build(
        typed_features(_nodes(papers, node_types)),
        tidied.edge_index,
        None,
        {"type": torch.from_numpy(node_types)},
        {"type": kinds},
        types=TypeNames(_TYPES, names + back),
    )
    info, left_out = DATASETS.get(name), (tidied.self_loops, tidied.repeats)
    splits = published_split(raw, split_folder)
    return Dataset.build(name, info.task, info.metric, graph, labels, int(labels.max()) + 1, splits, None, *left_out)


def _counts(raw: RawFiles, path: Path) -> dict[str, int]:
    """How many nodes each type has, in the order of `_TYPES`; the file has them under their names."""
    with raw.blame(path):
        words = np.loadtxt(path, str, delimiter=",", ndmin=2)
        told = dict(zip(words[0].tolist(), (int(word) for word in words[1]), strict=True))
        return {kind: told[kind] for kind in _TYPES}


def _arcs(raw: RawFiles, paths: list[Path], counts: dict[str, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """[2, arcs] and their types: every relation, then every relation backwards."""
    first = dict(zip(_TYPES, np.cumsum([0, *counts.values()]), strict=False))
    arcs, types = [], []
    for number, (path, (start, _, end)) in enumerate(zip(paths, _RELATIONS, strict=True)):
        ends = table(raw, path, np.int64, 2)
        for column, kind in enumerate((start, end)):
            outside = np.flatnonzero((ends[:, column] < 0) | (ends[:, column] >= counts[kind]))
            if outside.size:
                line = int(outside[0])
                why = f"line {line + 1:,} names {kind} {ends[line, column]:,}; they are 0 to {counts[kind] - 1:,}"
                raise raw.damaged(path, why)
        found = torch.from_numpy(ends.T + np.array([[first[start]], [first[end]]]))
        for kind_of_arc, way in ((number, found), (len(_RELATIONS) + number, found.flip(0))):
            arcs.append(way)
            types.append(torch.full((len(ends),), kind_of_arc))
    return torch.cat(arcs, 1), torch.cat(types)


def _nodes(papers: np.ndarray, types: np.ndarray) -> Nodes:
    rows, columns = np.nonzero(papers)
    widths = np.array([papers.shape[1], 0, 0, 0])
    return Nodes(types, rows, columns, papers[rows, columns], widths)
