"""What there is to know of `adagmlp` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="adagmlp",
    title="AdaBoosting GNN-to-MLP distillation",
    paper="AdaGMLP: AdaBoosting GNN-to-MLP Knowledge Distillation",
    venue="KDD",
    year=2024,
    url="https://arxiv.org/abs/2405.14307",
    family="GNN to MLP",
    target=".method:AdaGMLP",
    tasks=("node-classification",),
    students=("mlp",),
    inference="features",
    own_term={"students": 1, "beta": 0.0, "feature_mask": 0.0},
    without_own_term="glnn",
)
