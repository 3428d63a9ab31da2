"""What there is to know of `bgnn` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="bgnn",
    title="Boosted graph neural networks",
    paper="Boosting Graph Neural Networks via Adaptive Knowledge Distillation",
    venue="AAAI",
    year=2023,
    url="https://arxiv.org/abs/2210.05920",
    family="several teachers",
    target=".method:BGNN",
    tasks=("node-classification", "graph-classification"),
    teacher="many",
    variants={
        "paper": "kd from one teacher after the other, in the order given, for equal shares of the epochs; each item "
        "has a temperature of its own, learned from its teacher's logits and their entropy, and labels weigh more "
        "where the teachers so far were wrong. Reconstructed: no code; the paper's later teachers are students of the "
        "earlier ones, here they are the cell's, and one student goes through them all. Traps: without a bound the "
        "divergence alone would drive temperatures up; where teachers are right on every label, nothing is boosted",
    },
    own_term={"alpha": 0.0, "boost": False},
    status="reconstructed",
)
