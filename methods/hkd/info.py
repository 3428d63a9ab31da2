"""What there is to know of `hkd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="hkd",
    title="Holistic knowledge distillation",
    paper="Distilling Holistic Knowledge with Graph Neural Networks",
    venue="ICCV",
    year=2021,
    url="https://arxiv.org/abs/2108.05507",
    family="relations",
    target=".method:HKD",
    tasks=("node-classification",),
    variants={
        "paper": "positives and negatives come from the other network's bank",
        "official_code": "negatives come from the bank of the anchor's own network, as names are crossed in the code",
    },
    own_term={"beta": 0.0},
)
