"""The Open Graph Benchmark."""

from __future__ import annotations

from graph_distillery.bench.data.info import one_graph

INFO = one_graph(
    "ogbn-arxiv", "Computer science papers of arXiv", ("ogb", "random-60-20-20", "sealed-60-20-20"),
    "Hu et al., NeurIPS 2020, https://ogb.stanford.edu", ".loader:ogbn_arxiv",
    note="Citations made undirected. The download needs the extra `ogb`.",
    licence="ODC-BY 1.0",
    nodes=169343, edges=2315598, features=128, classes=40,
)  # fmt: skip
