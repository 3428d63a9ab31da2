"""What there is to know of `pgkd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="pgkd",
    title="Prototype-guided distillation",
    paper="Edge-free but Structure-aware: Prototype-Guided Knowledge Distillation from GNNs to MLPs",
    venue="COLING",
    year=2025,
    url="https://arxiv.org/abs/2303.13763",
    family="GNN to MLP",
    target=".method:PGKD",
    tasks=("node-classification",),
    students=("mlp",),
    inference="features",
    variants={
        "paper": "reconstructed from descriptions of it, its formulas and code not read: distances from nodes to the "
        "means of their classes, and among these means, are matched by squared error, each over its mean, since widths "
        "may differ. Nodes without a label stand in the class that the teacher predicts. The weights are ours",
    },
    own_term={"node_weight": 0.0, "prototype_weight": 0.0},
    without_own_term="glnn",
    status="reconstructed",
)
