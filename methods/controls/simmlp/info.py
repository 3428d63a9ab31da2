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
    below_alone="GLNN's small student, with its dropout and decay, is no encoder for it (43 against 58); in 400 epochs "
    "of the released recipe, three layers of 512 with batch norm, it has 78",
)
