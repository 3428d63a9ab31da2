"""What there is to know of `ehdm` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="ehdm",
    title="Ensemble of heuristic-distilled MLPs",
    paper="Weak Models Can be Good Teachers: A Case Study on Link Prediction with MLPs",
    venue="LoG",
    year=2025,
    url="https://arxiv.org/abs/2504.06193",
    family="heuristics to MLP",
    target=".method:EHDM",
    tasks=("link-prediction",),
    students=("mlp",),
    teacher="none",
    inference="features",
    variants={
        "paper": "a gate on the product of both ends' features weighs the MLPs' chances",
        "official_code": "the mean of the MLPs' chances: the released gate's output is overwritten by zeros",
    },
    own_term={"distribution_weight": 0.0, "ranking_weight": 0.0, "label_weight": 1.0},
)
