"""What there is to know of `simmlp` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="simmlp",
    title="SimMLP, an MLP that trains itself on the graph",
    paper="Training MLPs on Graphs without Supervision",
    venue="WSDM",
    year=2025,
    url="https://arxiv.org/abs/2412.03864",
    family="control",
    target=".method:SimMLP",
    tasks=("node-classification",),
    students=("mlp",),
    teacher="none",
    inference="features",
)
