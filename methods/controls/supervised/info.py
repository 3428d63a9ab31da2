"""What there is to know of `supervised` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import ANY_TASK, MethodInfo

INFO = MethodInfo(
    name="supervised",
    title="Student alone",
    paper="cross-entropy on the labels, no teacher",
    venue="control",
    year=0,
    url="",
    family="control",
    target=".method:Supervised",
    tasks=ANY_TASK,
    teacher="none",
)
