"""What there is to know of `colinkdist` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="colinkdist",
    title="CoLinkDist, neighbours read at inference",
    paper="Distilling Self-Knowledge From Contrastive Links to Classify Graph Nodes Without Passing Messages",
    venue="arXiv",
    year=2021,
    url="https://arxiv.org/abs/2106.08541",
    family="links",
    target=".method:CoLinkDist",
    tasks=("node-classification",),
    students=("mlp",),
    teacher="none",
    inference="graph",
    variants={
        "paper": "adds alpha times the neighbours' mean of the second head at inference, as the paper's headline does; "
        "arcs of validation and test nodes are trained on where the setting is transductive; "
        "beta_1 and beta_2 are what the released code has on the public split, 0.1 together on its others",
    },
    own_term={"weight": 0.0},
)
