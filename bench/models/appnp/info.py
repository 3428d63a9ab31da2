"""What there is to know of `appnp` before it is loaded."""

from __future__ import annotations

from graph_distillery.bench.models.info import ModelInfo

INFO = ModelInfo(
    name="appnp",
    title="Approximate personalised propagation of neural predictions",
    paper="Predict then Propagate: Graph Neural Networks meet Personalized PageRank",
    venue="ICLR",
    year=2019,
    url="https://arxiv.org/abs/1810.05997",
    kind="gnn",
    target=".model:APPNP",
    computes="H = MLP(X), then Z <- (1 - alpha) A-hat Z + alpha H k times, from Z = H",
)
