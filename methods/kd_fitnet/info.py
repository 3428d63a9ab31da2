"""What there is to know of `kd+fitnet` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import ALL_TASKS, MethodInfo

INFO = MethodInfo(
    name="kd+fitnet",
    title="Knowledge distillation with FitNet",
    paper="On Representation Knowledge Distillation for Graph Neural Networks",
    venue="IEEE TNNLS",
    year=2022,
    url="https://arxiv.org/abs/2111.04964",
    family="features",
    target=".method:KDFitNet",
    tasks=(*ALL_TASKS, "typed-node-classification"),
    variants={
        "paper": "a bias-free linear map of the student's rows against the teacher's own",
        "official_code": "as the released code of Joshi et al. (TNNLS 2022): Linear, BatchNorm and ReLU to 256 on both "
        "sides, both trained",
    },
    own_term={"beta": 0.0},
    without_own_term="kd",
)
