"""What there is to know of `gkd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="gkd",
    title="Geometric knowledge distillation",
    paper="Geometric Knowledge Distillation: Topology Compression for Graph Neural Networks",
    venue="NeurIPS",
    year=2022,
    url="https://arxiv.org/abs/2210.13014",
    family="structure",
    target=".method:GKD",
    tasks=("node-classification",),
    students=("gnn",),
    variants={
        "paper": "squares are added up over pairs, not averaged, so that the term grows with the nodes; the student is "
        "trained and judged on its own part of the graph; the teacher is frozen and read without dropout, where the "
        "released code reads it in training mode",
    },
    own_term={"alpha": 0.0, "lost_edges": 0.0, "lost_nodes": 0.0},
)
