"""What there is to know of `fitnet` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import ALL_TASKS, MethodInfo

INFO = MethodInfo(
    name="fitnet",
    title="FitNet",
    paper="FitNets: Hints for Thin Deep Nets",
    venue="ICLR",
    year=2015,
    url="https://arxiv.org/abs/1412.6550",
    family="features",
    target=".method:FitNet",
    tasks=(*ALL_TASKS, "typed-node-classification"),
    variants={
        "paper": "a bias-free linear map of the student's rows against the teacher's own",
        "official_code": "as the released code of Joshi et al. (TNNLS 2022): Linear, BatchNorm and ReLU to 256 on both "
        "sides, both trained",
    },
    own_term={"beta": 0.0},
)
