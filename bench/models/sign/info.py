"""What there is to know of `sign` before it is loaded."""

from __future__ import annotations

from graph_distillery.bench.models.info import ModelInfo

INFO = ModelInfo(
    name="sign",
    title="Scalable inception graph network",
    paper="SIGN: Scalable Inception Graph Neural Networks",
    venue="ICML workshop GRL+",
    year=2020,
    url="https://arxiv.org/abs/2004.11198",
    kind="gnn",
    target=".model:SIGN",
    computes="an MLP whose first layer maps X, P X, ..., P^K X by a weight each, side by side; P^k X is computed once",
)
