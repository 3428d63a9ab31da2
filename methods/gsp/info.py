"""What there is to know of `gsp` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="gsp",
    title="Global structure preserving distillation",
    paper="On Representation Knowledge Distillation for Graph Neural Networks",
    venue="IEEE TNNLS",
    year=2022,
    url="https://arxiv.org/abs/2111.04964",
    family="relations",
    target=".method:GSP",
    variants={
        "paper": "relations among a sample of all observed nodes",
        "official_code": "among labelled nodes alone, as the code trains on them alone",
    },
    own_term={"beta": 0.0},
)
