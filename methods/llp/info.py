"""What there is to know of `llp` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="llp",
    title="Linkless link prediction",
    paper="Linkless Link Prediction via Relational Distillation",
    venue="ICML",
    year=2023,
    url="https://arxiv.org/abs/2210.05801",
    family="GNN to MLP",
    target=".method:LLP",
    tasks=("link-prediction",),
    students=("mlp",),
    inference="features",
    variants={
        "paper": "the teacher's scores of an anchor's contexts are those of its trained network",
        "official_code": "the teacher's scorer keeps the student's dropout on while it teaches, and of several epochs "
        "with the best validation score the first is kept",
    },
    own_term={"distribution_weight": 0.0, "ranking_weight": 0.0, "label_weight": 1.0},
)
