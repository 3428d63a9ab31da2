"""What there is to know of `gcn` before it is loaded."""

from __future__ import annotations

from graph_distillery.bench.models.info import ModelInfo

INFO = ModelInfo(
    name="gcn",
    title="Graph convolutional network",
    paper="Semi-Supervised Classification with Graph Convolutional Networks",
    venue="ICLR",
    year=2017,
    url="https://arxiv.org/abs/1609.02907",
    kind="gnn",
    target=".model:GCN",
    computes="ReLU(A-hat X W + b) a layer, A-hat = D^-1/2 (A + I) D^-1/2",
)
