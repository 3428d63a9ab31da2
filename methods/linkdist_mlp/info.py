"""What there is to know of `linkdist-mlp` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="linkdist-mlp",
    title="LinkDist-MLP, features alone at inference",
    paper="Distilling Self-Knowledge From Contrastive Links to Classify Graph Nodes Without Passing Messages",
    venue="arXiv",
    year=2021,
    url="https://arxiv.org/abs/2106.08541",
    family="links",
    target=".method:LinkDistMLP",
    tasks=("node-classification",),
    students=("mlp",),
    teacher="none",
    inference="features",
    variants={
        "paper": "predicts from the node's own features; arcs of validation and test nodes are trained on where the "
        "setting is transductive",
    },
    own_term={"weight": 0.0},
)
