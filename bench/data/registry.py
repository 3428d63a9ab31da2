"""Every dataset by name: families of them, a folder each, found by its `info.py`. Listing loads no torch."""

from __future__ import annotations

from graph_distillery.bench.data.info import DatasetInfo
from graph_distillery.methods.registry import Registry, walk

#: Packages add theirs through the entry-point group.
DATASETS: Registry[DatasetInfo] = Registry(
    "dataset", lambda: walk("graph_distillery.bench.data.loaders"), "graph_distillery.datasets"
)
