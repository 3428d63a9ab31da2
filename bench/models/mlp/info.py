"""What there is to know of `mlp` before it is loaded."""

from __future__ import annotations

from graph_distillery.bench.models.info import ModelInfo

INFO = ModelInfo(
    name="mlp",
    title="Multi-layer perceptron",
    paper="Graph-less Neural Networks: Teaching Old MLPs New Tricks via Distillation (its student)",
    venue="ICLR",
    year=2022,
    url="https://arxiv.org/abs/2110.08727",
    kind="mlp",
    target=".model:MLP",
    computes="ReLU(W x_i + b) a layer, of each node alone",
)
