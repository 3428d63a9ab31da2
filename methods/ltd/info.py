"""What there is to know of `ltd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="ltd",
    title="Learning to distill",
    paper="Learning to Distill Graph Neural Networks",
    venue="WSDM",
    year=2023,
    url="https://doi.org/10.1145/3539597.3570480",
    family="logits",
    target=".method:LTD",
    tasks=("node-classification",),
    students=("gnn",),
    trains_on_validation=True,
    variants={
        "paper": "as the released code: temperatures learn from labels of validation items (there 30 a class, and 10 "
        "more of the test set choose the epoch; here three of four, and the fourth), may be negative, and "
        "the student takes plain gradient steps on sums over nodes; its rate is small enough for that alone",
    },
    own_term={"learned": False},
    without_own_term="kd",
)
