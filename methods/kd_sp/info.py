"""What there is to know of `kd+sp` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="kd+sp",
    title="Knowledge distillation with preserved similarities",
    paper="Similarity-Preserving Knowledge Distillation",
    venue="ICCV",
    year=2019,
    url="https://arxiv.org/abs/1907.09682",
    family="relations",
    target=".method:KDSP",
    own_term={"beta": 0.0},
    without_own_term="kd",
)
