"""What there is to know of `gcnii` before it is loaded."""

from __future__ import annotations

from graph_distillery.bench.models.info import ModelInfo

INFO = ModelInfo(
    name="gcnii",
    title="GCN with initial residual and identity mapping",
    paper="Simple and Deep Graph Convolutional Networks",
    venue="ICML",
    year=2020,
    url="https://arxiv.org/abs/2007.02133",
    kind="gnn",
    target=".model:GCNII",
    computes="H_0 = ReLU(X W_in + b), then in layer l ReLU(((1 - alpha) A-hat H + alpha H_0)((1 - b_l) I + b_l W_l)) "
    "with b_l = log(lambda / l + 1), then a linear layer",
)
