"""What there is to know of `majority` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import ANY_TASK, MethodInfo

INFO = MethodInfo(
    name="majority",
    title="Majority class",
    paper="the most frequent class of the training labels; of several as frequent, one that the seed draws",
    venue="control",
    year=0,
    url="",
    family="control",
    target=".method:Majority",
    tasks=ANY_TASK,
    students=(),
    teacher="none",
    inference="features",
)
