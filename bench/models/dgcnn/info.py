"""What there is to know of `dgcnn` before it is loaded."""

from __future__ import annotations

from graph_distillery.bench.models.info import ModelInfo

INFO = ModelInfo(
    name="dgcnn",
    title="Dynamic graph CNN",
    paper="Dynamic Graph CNN for Learning on Point Clouds",
    venue="ACM TOG",
    year=2019,
    url="https://arxiv.org/abs/1801.07829",
    kind="gnn",
    graphs="untyped",
    target=".model:DGCNN",
    computes=(
        "max over the k nearest j of norm(U x_i + W (x_j - x_i)) a layer, then LeakyReLU; neighbours "
        "are found anew among the states of every layer, the edges of the data are not read"
    ),
)
