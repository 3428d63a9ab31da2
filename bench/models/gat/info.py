"""What there is to know of `gat` before it is loaded."""

from __future__ import annotations

from graph_distillery.bench.models.info import ModelInfo

INFO = ModelInfo(
    name="gat",
    title="Graph attention network",
    paper="Graph Attention Networks",
    venue="ICLR",
    year=2018,
    url="https://arxiv.org/abs/1710.10903",
    kind="gnn",
    target=".model:GAT",
    computes=(
        "sum over j in N(i) and i of a_ij W x_j, a_ij = softmax over j of LeakyReLU(u . W x_i + v . "
        "W x_j), for each head; heads side by side, in the output layer averaged; ELU between layers"
    ),
)
