"""What there is to know of `gine` before it is loaded."""

from __future__ import annotations

from graph_distillery.bench.models.info import ModelInfo

INFO = ModelInfo(
    name="gine",
    title="Graph isomorphism network with edge attributes",
    paper="Strategies for Pre-training Graph Neural Networks",
    venue="ICLR",
    year=2020,
    url="https://arxiv.org/abs/1905.12265",
    kind="gnn",
    target=".model:GINE",
    computes=(
        "MLP((1 + eps) x_i + sum over j in N(i) of ReLU(x_j + V e_ji + v)) a layer, e_ji the attributes of the arc; "
        "ReLU(x_j) where arcs have none"
    ),
)
