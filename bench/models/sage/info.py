"""What there is to know of `sage` before it is loaded."""

from __future__ import annotations

from graph_distillery.bench.models.info import ModelInfo

INFO = ModelInfo(
    name="sage",
    title="GraphSAGE",
    paper="Inductive Representation Learning on Large Graphs",
    venue="NeurIPS",
    year=2017,
    url="https://arxiv.org/abs/1706.02216",
    kind="gnn",
    target=".model:SAGE",
    computes=(
        "ReLU(W mean of x_i and x_j over j in N(i) + b) a layer; aggregator mean: a weight each for "
        "x_i and the mean over N(i)"
    ),
)
