"""What there is to know of `kd+gcrd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="kd+gcrd",
    title="Knowledge distillation with contrasted representations",
    paper="On Representation Knowledge Distillation for Graph Neural Networks",
    venue="IEEE TNNLS",
    year=2022,
    url="https://arxiv.org/abs/2111.04964",
    family="relations",
    target=".method:KDGCRD",
    variants={
        "paper": "relations among a sample of all observed nodes",
        "official_code": "among labelled nodes alone, as the code trains on them alone",
    },
    own_term={"beta": 0.0},
    without_own_term="kd",
)
