"""The graphs of node classification, whose edges are to be found."""

from __future__ import annotations

from typing import Any

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loaders.links.pairs import link_dataset
from graph_distillery.bench.data.raw_files import RawFiles
from graph_distillery.bench.data.registry import DATASETS


def links_of(name: str, raw: RawFiles, of: str, share: float) -> Dataset:
    """The pairs of a downloaded dataset; of: its name, share: see `link_dataset`."""
    made: Dataset = DATASETS.load(of)(of, raw, **DATASETS.get(of).options)
    return link_dataset(name, made.graph, share)


def embedded_links_of(name: str, of: str, share: float) -> Dataset:
    """The pairs of a dataset that needs no download."""
    options: dict[str, Any] = dict(DATASETS.get(of).options)
    made: Dataset = DATASETS.load(of)(of, **options)
    return link_dataset(name, made.graph, share)
