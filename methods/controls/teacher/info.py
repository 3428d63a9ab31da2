"""What there is to know of `teacher` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import ANY_TASK, MethodInfo

INFO = MethodInfo(
    name="teacher",
    title="Teacher alone",
    paper="the frozen teacher's own predictions",
    venue="control",
    year=0,
    url="",
    family="control",
    target=".method:TeacherAlone",
    tasks=ANY_TASK,
    students=(),
    inference="graph",
)
