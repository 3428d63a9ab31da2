"""What there is to know of `label-propagation` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="label-propagation",
    title="Label propagation",
    paper="Learning with Local and Global Consistency",
    venue="NeurIPS",
    year=2003,
    url="https://proceedings.neurips.cc/paper/2003/hash/87682805257e619d49b8e0dfdc14affa-Abstract.html",
    family="control",
    target=".method:LabelPropagation",
    tasks=("node-classification",),
    students=(),
    teacher="none",
    inference="graph",
)
