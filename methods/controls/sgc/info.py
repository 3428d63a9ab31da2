"""What there is to know of `sgc` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import NODE_TASKS, MethodInfo

INFO = MethodInfo(
    name="sgc",
    title="Student alone, on propagated features",
    paper="Simplifying Graph Convolutional Networks",
    venue="ICML",
    year=2019,
    url="https://proceedings.mlr.press/v97/wu19e.html",
    family="control",
    target=".method:SGC",
    tasks=NODE_TASKS,
    students=("mlp",),
    teacher="none",
    inference="precomputed structure",
    artefacts=("propagated-features",),
)
