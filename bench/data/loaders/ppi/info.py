"""Protein interactions."""

from __future__ import annotations

from graph_distillery.bench.data.info import DatasetInfo

INFO = DatasetInfo(
    "ppi", "Protein interactions in 24 tissues", "node-multilabel", "micro_f1", ("graphs",),
    "Hamilton et al., NeurIPS 2017; Zitnik and Leskovec, 2017", "download", ".loader:ppi",
    note="24 graphs as one union: 20 train, 2 validate, 2 test.",
    nodes=56944, features=50, classes=121, graphs=24,
)  # fmt: skip
