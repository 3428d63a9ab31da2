"""What there is to know of `gin` before it is loaded."""

from __future__ import annotations

from graph_distillery.bench.models.info import ModelInfo

INFO = ModelInfo(
    name="gin",
    title="Graph isomorphism network",
    paper="How Powerful are Graph Neural Networks?",
    venue="ICLR",
    year=2019,
    url="https://arxiv.org/abs/1810.00826",
    kind="gnn",
    target=".model:GIN",
    computes="MLP((1 + eps) x_i + sum over j in N(i) of x_j) a layer, the MLP of two linear maps; sum readout",
)
