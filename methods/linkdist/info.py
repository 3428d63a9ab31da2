"""What there is to know of `linkdist` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="linkdist",
    title="LinkDist, neighbours read at inference",
    paper="Distilling Self-Knowledge From Contrastive Links to Classify Graph Nodes Without Passing Messages",
    venue="arXiv",
    year=2021,
    url="https://arxiv.org/abs/2106.08541",
    family="links",
    target=".method:LinkDist",
    tasks=("node-classification",),
    students=("mlp",),
    teacher="none",
    inference="graph",
    variants={
        "paper": "adds alpha times the neighbours' mean of the second head at inference, as the paper's headline does; "
        "arcs of validation and test nodes are trained on where the setting is transductive",
    },
    own_term={"weight": 0.0},
)
