"""The Open Graph Benchmark."""

from __future__ import annotations

from graph_distillery.bench.data.info import DatasetInfo, one_graph

_SOURCE = "Hu et al., NeurIPS 2020, https://ogb.stanford.edu"
_DRAWN = ("random-60-20-20", "sealed-60-20-20")

INFO = (
    one_graph(
        "ogbn-arxiv", "Computer science papers of arXiv", ("ogb", *_DRAWN), _SOURCE, ".loader:ogbn_arxiv",
        note="Citations made undirected. The download needs the extra `ogb`.",
        licence="ODC-BY 1.0",
        nodes=169343, edges=2315598, features=128, classes=40,
    ),
    one_graph(
        "ogbn-products", "Products of Amazon bought together", ("ogb", *_DRAWN), _SOURCE, ".loader:ogbn_products",
        note="61,859,140 listed edges, 128 of them self-loops. Split by sales rank.", licence="Amazon's",
        nodes=2449029, edges=123718024, features=100, classes=47,
    ),
    DatasetInfo(
        "ogbn-mag", "Papers of the Microsoft Academic Graph by venue", "typed-node-classification", "accuracy",
        ("ogb",), _SOURCE, "download", ".mag:ogbn_mag",
        note="Typed nodes and edges; items are the papers, which come first, split by year. Each of the four "
             "relations has its reverse as a type of its own: 21,111,007 edges are listed. Features of papers are 128 "
             "numbers, and nodes of the other types have one column each.",
        licence="ODC-BY 1.0", nodes=1939743, features=1203482, classes=349,
    ),
    DatasetInfo(
        "ogbg-molhiv", "Molecules that inhibit HIV", "graph-classification", "roc_auc",
        ("ogb", "holdout-70-30", "kfold-10"), _SOURCE, "download", ".molecules:molecules",
        options={"file": "hiv"},
        note="Features are the nine properties of an atom, each one-hot. Split by scaffold.", licence="MIT",
        graphs=41127, nodes=1049163, edges=2259376, features=174, classes=2,
    ),
)  # fmt: skip
