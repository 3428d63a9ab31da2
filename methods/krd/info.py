"""What there is to know of `krd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="krd",
    title="Knowledge-inspired reliable distillation",
    paper="Quantifying the Knowledge in GNNs for Reliable Distillation into MLPs",
    venue="ICML",
    year=2023,
    url="https://arxiv.org/abs/2306.05628",
    family="GNN to MLP",
    target=".method:KRD",
    tasks=("node-classification",),
    students=("mlp",),
    inference="features",
    variants={
        "paper": "the curve of reliability is fitted at the centres of its bins",
        "official_code": "fitted at the lower edges of 50 bins plus 0.05, the half of a tenth",
    },
    own_term={"label_weight": 1.0},
)
