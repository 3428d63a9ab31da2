"""What there is to know of `tgs` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="tgs",
    title="Teacher-free graph self-distillation",
    paper="A Teacher-Free Graph Knowledge Distillation Framework with Dual Self-Distillation",
    venue="IEEE TKDE",
    year=2024,
    url="https://arxiv.org/abs/2403.03483",
    family="links",
    target=".method:TGS",
    tasks=("node-classification",),
    students=("mlp",),
    teacher="none",
    inference="features",
    variants={
        "paper": "classes weighted as in the released code; the mixer has a learning rate of its own, 1e-4; arcs of "
        "validation and test nodes are trained on where the setting is transductive; the released code hands its "
        "tuner test scores, which is not taken over",
    },
    own_term={"weight": 0.0},
)
