"""What there is to know of `ff-g2m` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="ff-g2m",
    title="Full-frequency GNN-to-MLP distillation",
    paper="Extracting Low-/High- Frequency Knowledge from Graph Neural Networks and Injecting it into MLPs: "
    "An Effective GNN-to-MLP Distillation Framework",
    venue="AAAI",
    year=2023,
    url="https://arxiv.org/abs/2305.10758",
    family="GNN to MLP",
    target=".method:FFG2M",
    tasks=("node-classification",),
    students=("mlp",),
    inference="features",
    own_term={"label_weight": 1.0},
)
