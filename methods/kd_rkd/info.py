"""What there is to know of `kd+rkd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="kd+rkd",
    title="Knowledge distillation with relations of distance and angle",
    paper="Relational Knowledge Distillation",
    venue="CVPR",
    year=2019,
    url="https://arxiv.org/abs/1904.05068",
    family="relations",
    target=".method:KDRKD",
    own_term={"beta": 0.0},
    without_own_term="kd",
)
