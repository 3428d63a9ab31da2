"""What there is to know of `correct-and-smooth` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="correct-and-smooth",
    title="Student alone, corrected and smoothed over the graph",
    paper="Combining Label Propagation and Simple Models Out-performs Graph Neural Networks",
    venue="ICLR",
    year=2021,
    url="https://arxiv.org/abs/2010.13993",
    family="control",
    target=".method:CorrectAndSmooth",
    tasks=("node-classification",),
    teacher="none",
    inference="graph",
)
