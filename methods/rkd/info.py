"""What there is to know of `rkd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="rkd",
    title="Relational knowledge distillation",
    paper="Relational Knowledge Distillation",
    venue="CVPR",
    year=2019,
    url="https://arxiv.org/abs/1904.05068",
    family="relations",
    target=".method:RKD",
    own_term={"beta": 0.0},
)
