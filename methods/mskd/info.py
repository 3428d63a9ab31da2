"""What there is to know of `mskd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import NODE_TASKS, MethodInfo

INFO = MethodInfo(
    name="mskd",
    title="Multi-scale distillation from several teachers",
    paper="Multi-Scale Distillation from Multiple Graph Neural Networks",
    venue="AAAI",
    year=2022,
    url="https://doi.org/10.1609/aaai.v36i4.20354",
    family="several teachers",
    target=".method:MSKD",
    tasks=NODE_TASKS,
    students=("gnn",),
    teacher="many",
    variants={
        "paper": "the terms of the released code, at its settings; not taken over: it reports the best of the test "
        "scores that it reads whenever validation improves or the training loss falls, and rounds the weights of the "
        "teachers to two digits",
    },
    own_term={"weight": 0.0},
)
