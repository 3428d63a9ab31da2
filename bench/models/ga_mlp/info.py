"""What there is to know of `ga-mlp` before it is loaded."""

from __future__ import annotations

from graph_distillery.bench.models.info import ModelInfo

INFO = ModelInfo(
    name="ga-mlp",
    title="Graph-augmented multi-layer perceptron",
    paper="MuGSI: Distilling GNNs with Multi-Granularity Structural Information for Graph Classification (its student)",
    venue="WWW",
    year=2024,
    url="https://arxiv.org/abs/2406.19832",
    kind="gnn",
    target=".model:GAMLP",
    computes="two MLPs side by side, of x_i and of the sum over j in N(i) of x_j / d_j, whose states are added up",
)
