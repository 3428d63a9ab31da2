"""What there is to know of `kd+at` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import ALL_TASKS, MethodInfo

INFO = MethodInfo(
    name="kd+at",
    title="Knowledge distillation with attention transfer",
    paper="On Representation Knowledge Distillation for Graph Neural Networks",
    venue="IEEE TNNLS",
    year=2022,
    url="https://arxiv.org/abs/2111.04964",
    family="features",
    target=".method:KDAttentionTransfer",
    tasks=(*ALL_TASKS, "typed-node-classification"),
    own_term={"beta": 0.0},
    without_own_term="kd",
)
