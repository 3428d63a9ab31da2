"""What there is to know of `graph-mlp` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import NODE_TASKS, MethodInfo

INFO = MethodInfo(
    name="graph-mlp",
    title="Graph-MLP",
    paper="Graph-MLP: Node Classification without Message Passing in Graph",
    venue="arXiv",
    year=2021,
    url="https://arxiv.org/abs/2106.04051",
    family="control",
    target=".method:GraphMLP",
    tasks=NODE_TASKS,
    students=("mlp",),
    teacher="none",
    inference="features",
)
