"""What there is to know of `fitnet` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="fitnet",
    title="FitNet",
    paper="FitNets: Hints for Thin Deep Nets",
    venue="ICLR",
    year=2015,
    url="https://arxiv.org/abs/1412.6550",
    family="features",
    target=".method:FitNet",
    own_term={"beta": 0.0},
)
