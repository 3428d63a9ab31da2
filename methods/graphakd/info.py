"""What there is to know of `graphakd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="graphakd",
    title="Graph adversarial knowledge distillation",
    paper="Compressing Deep Graph Neural Networks via Adversarial Knowledge Distillation",
    venue="KDD",
    year=2022,
    url="https://arxiv.org/abs/2205.11678",
    family="adversarial",
    target=".method:GraphAKD",
    tasks=("node-classification",),
    variants={
        "paper": "the epoch is chosen by validation accuracy without dropout; the released code chooses by validation "
        "loss, and reports test accuracy, of logits made with dropout, which is not taken over; a linear map, "
        "trained with the student, stands between states of different widths, where the code asks for one width",
    },
    own_term={"logit_weight": 0.0, "edge_weight": 0.0, "summary_weight": 0.0},
)
