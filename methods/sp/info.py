"""What there is to know of `sp` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="sp",
    title="Similarity-preserving distillation",
    paper="Similarity-Preserving Knowledge Distillation",
    venue="ICCV",
    year=2019,
    url="https://arxiv.org/abs/1907.09682",
    family="relations",
    target=".method:SP",
    own_term={"beta": 0.0},
)
