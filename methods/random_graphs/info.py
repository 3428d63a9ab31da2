"""What there is to know of `random-graphs` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="random-graphs",
    title="Random graphs (RandG)",
    paper="Graph-Free Knowledge Distillation for Graph Neural Networks (its baseline)",
    venue="IJCAI",
    year=2021,
    url="https://arxiv.org/abs/2105.07519",
    family="data-free",
    target=".method:RandomGraphs",
    tasks=("graph-classification",),
    students=("gnn",),
    variants={"paper": "T^2 KL on random structures under random features, the starting point of gfkd"},
    training_data=False,
)
