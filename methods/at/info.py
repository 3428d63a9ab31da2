"""What there is to know of `at` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import ALL_TASKS, MethodInfo

INFO = MethodInfo(
    name="at",
    title="Attention transfer",
    paper="Paying More Attention to Attention",
    venue="ICLR",
    year=2017,
    url="https://arxiv.org/abs/1612.03928",
    family="features",
    target=".method:AttentionTransfer",
    tasks=(*ALL_TASKS, "typed-node-classification"),
    own_term={"beta": 0.0},
)
