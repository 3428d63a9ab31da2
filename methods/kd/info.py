"""What there is to know of `kd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import ANY_TASK, MethodInfo

INFO = MethodInfo(
    name="kd",
    title="Knowledge distillation",
    paper="Distilling the Knowledge in a Neural Network",
    venue="NIPS workshop",
    year=2015,
    url="https://arxiv.org/abs/1503.02531",
    family="logits",
    target=".method:KD",
    tasks=ANY_TASK,
    own_term={"alpha": 0.0},
)
